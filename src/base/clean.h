/* clean: ownership attached where a variable is declared.
 *
 * Each cleanup accepts the empty value (NULL, -EBADF) and keeps errno.  Ownership is given away by name:
 * fd_take(&fd), ptr_take(&ptr).
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void clean_free(void *pointer)
{
        free(*(void **) pointer);
}

static inline void clean_close(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        errno = saved;
}

static inline void clean_fclose(FILE **file)
{
        int saved = errno;

        if (*file)
                fclose(*file);
        errno = saved;
}

static inline void clean_closedir(DIR **dir)
{
        int saved = errno;

        if (*dir)
                closedir(*dir);
        errno = saved;
}

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_      _cleanup_(clean_free)
#define _cleanup_close_     _cleanup_(clean_close)
#define _cleanup_fclose_    _cleanup_(clean_fclose)
#define _cleanup_closedir_  _cleanup_(clean_closedir)

static inline int fd_take(int *fd)
{
        int taken = *fd;

        *fd = -EBADF;
        return taken;
}

#define ptr_take(pointer)                                                                                    \
        ({                                                                                                   \
                __typeof__(pointer) _place = (pointer);                                                      \
                __typeof__(*_place) _taken = *_place;                                                        \
                *_place = NULL;                                                                              \
                _taken;                                                                                      \
        })

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
