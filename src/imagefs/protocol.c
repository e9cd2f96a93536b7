#include "imagefs/protocol.h"

#include <string.h>

int imagefs_hello_check(const void *bytes, size_t size, struct imagefs_hello *ret)
{
        struct imagefs_hello hello;

        if (size != sizeof(hello))
                return -EBADMSG;
        memcpy(&hello, bytes, sizeof(hello));
        if (hello.kind != IMAGEFS_HELLO)
                return -EBADMSG;
        if (hello.linger_s > IMAGEFS_LINGER_MAX_S)
                hello.linger_s = IMAGEFS_LINGER_MAX_S;
        *ret = hello;
        return 0;
}

int imagefs_lease_check(const void *bytes, size_t size, size_t n_fds)
{
        struct imagefs_lease_message lease;

        if (size != sizeof(lease) || n_fds != 1)
                return -EBADMSG;
        memcpy(&lease, bytes, sizeof(lease));
        return lease.kind == IMAGEFS_LEASE ? 0 : -EBADMSG;
}

int imagefs_answer_check(struct imagefs_answer *answer, size_t size, size_t n_fds)
{
        if (size != sizeof(*answer) || answer->kind != IMAGEFS_ANSWER || answer->code > 0)
                return -EBADMSG;
        answer->mount_path[sizeof(answer->mount_path) - 1] = '\0';
        answer->text[sizeof(answer->text) - 1] = '\0';
        answer->hint[sizeof(answer->hint) - 1] = '\0';
        if (answer->code)
                return n_fds ? -EBADMSG : 0;
        return n_fds == (answer->no_userns ? 1U : 2U) ? 0 : -EBADMSG;
}
