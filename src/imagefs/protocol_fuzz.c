/* What the two ends of the socket make of bytes that the other should not have sent. */
#include <string.h>

#include "imagefs/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct imagefs_answer answer = { 0 };
        struct imagefs_hello hello;

        if (size > sizeof(answer))
                return 0;
        if (imagefs_hello_check(bytes, size, &hello) == 0 && hello.linger_s > IMAGEFS_LINGER_MAX_S)
                __builtin_trap();
        imagefs_lease_check(bytes, size, size % 3);
        memcpy(&answer, bytes, size);
        if (imagefs_answer_check(&answer, size, size ? bytes[size - 1] % 4 : 0) == 0 &&
            strlen(answer.text) + strlen(answer.hint) + strlen(answer.mount_path) > sizeof(answer))
                __builtin_trap();
        return 0;
}
