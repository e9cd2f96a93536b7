/* Any text: parsed and evaluated within its bounds, and as an override's value. */
#include <stdint.h>
#include <stdlib.h>

#include "base/clean.h"
#include "run/env_script.h"

#define FUZZ_SIZE_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_env_script_ struct env_script s = { .root = -EBADF };
        _cleanup_free_ char *text = NULL, *value = NULL;

        if (size > FUZZ_SIZE_MAX)
                return 0;
        text = text_dup_bytes((const char *) bytes, size);
        env_script_init(&s, -EBADF, "fuzz");
        variables_put(&s.variables, "A=a b*c");
        variables_put(&s.variables, "B=/x/y:z");
        text_list_add(&s.arguments, "one");
        if (env_script_source(&s, text, size, "fuzz", NULL) == 0) {
                _cleanup_text_list_ struct text_list list = TEXT_LIST_INIT;

                variables_list(&s.variables, &list);
        }
        env_script_expand_quoted(&s, text, "fuzz", &value, NULL);
        return 0;
}
