#include "run/bind.h"

#include <stdint.h>

#include "base/clean.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
        _cleanup_free_ char *argument = text_dup_bytes((const char *) bytes, size);
        struct err e = ERR_INIT;

        bind_parse(&list, argument, &e);
        bind_parse_mount(&list, argument, &e);
        return 0;
}
