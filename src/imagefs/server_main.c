/* imagefs, the image server.  Started by imagefs_connect() only:
 *
 *      imagefs shared|private OFFSET SIZE IDS NAME [UNPACK_IN]      with descriptors 3 (socket) and 4 (image)
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/num.h"
#include "image/squashfs_reader.h"
#include "imagefs/protocol.h"
#include "imagefs/server.h"
#include "imagefs/server_data.h"
#include "imagefs/server_files.h"
#include "imagefs/server_mount.h"
#include "imagefs/server_starts.h"
#include "imagefs/server_unpack.h"
#include "imagefs/server_warm.h"
#include "imagefs/server_workers.h"

/* More threads than this would only wait for each other in the kernel's one queue of requests. */
#define PROCESSORS_MAX 15

static int options_parse(struct server_options *o, int argc, char **argv)
{
        uint64_t ids = 0;

        if (argc != 6 && argc != 7)
                return -EINVAL;
        o->is_private = strcmp(argv[1], "private") == 0;
        if (!o->is_private && strcmp(argv[1], "shared") != 0)
                return -EINVAL;
        o->image_name = argv[5];
        o->unpack_in = argv[6];
        if (num_u64(argv[2], 10, 0, INT64_MAX, &o->offset) < 0 ||
            num_u64(argv[3], 10, 0, INT64_MAX, &o->size) < 0 ||
            num_u64(argv[4], 10, 0, IMAGEFS_IDS_CALLER_ONLY, &ids) < 0)
                return -EINVAL;
        o->ids = (enum imagefs_ids) ids;
        return 0;
}

static unsigned n_processors(void)
{
        cpu_set_t set;
        int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

        return n > PROCESSORS_MAX ? PROCESSORS_MAX : (unsigned) n;
}

static int serve_unpacked(const struct server_options *options, struct squashfs_reader *reader, struct err *e)
{
        struct server_mount mount = SERVER_MOUNT_INIT;
        struct unpacked unpacked = UNPACKED_INIT;
        int r = unpack_make(&unpacked, options, reader, e);

        if (r < 0)
                return err_ctx(e, r, "%s", options->image_name);
        r = server_mount_make(&mount, options, unpacked.path, e);
        if (r == 0)
                starts_serve(options, &mount, -EBADF);
        unpack_remove(&unpacked);
        return r;
}

static int serve(const struct server_options *options, struct err *e)
{
        struct server_mount mount = SERVER_MOUNT_INIT;
        struct squashfs_reader *reader;
        struct fuse_session *session;
        struct files files = { 0 };
        struct workers *workers;
        int r = squashfs_reader_new(&reader, IMAGEFS_FD_IMAGE, options->offset, options->size, e);

        if (r < 0)
                return err_ctx(e, r, "%s", options->image_name);
        if (options->unpack_in)
                return serve_unpacked(options, reader, e);
        r = server_mount_make(&mount, options, NULL, e);
        if (r < 0)
                return r;
        files.reader = reader;
        files.own_ids = options->ids != IMAGEFS_IDS_IMAGE;
        files.uid = mount.uid;
        files.gid = mount.gid;
        r = data_new(&files.data, reader, n_processors(), e);
        if (r == 0) {
                warm_start(files.data, reader, n_processors());
                r = files_session_new(&session, &files, &mount, e);
        }
        /* One more than there are processors, since one may wait for the disk. */
        if (r == 0)
                r = workers_new(&workers, session, n_processors() + 1, files_thread_started, &files, e);
        if (r == 0)
                r = workers_start(workers, e);
        if (r != 0)
                return r;
        starts_serve(options, &mount, workers_end_fd(workers));
        return 0;
}

int main(int argc, char **argv)
{
        struct server_options options;
        struct err e = ERR_INIT;
        struct stat status;

        if (options_parse(&options, argc, argv) < 0 || fstat(IMAGEFS_FD_SOCKET, &status) < 0 ||
            !S_ISSOCK(status.st_mode)) {
                fputs("imagefs serves the files of an image to containers; apptainer starts it when needed.\n",
                      stderr);
                return 2;
        }
        server_process_detach();
        if (serve(&options, &e) < 0)
                starts_refuse(&options, &e);
        _exit(0);
}
