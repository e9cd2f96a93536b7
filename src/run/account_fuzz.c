#include "run/account.h"

#include <stdint.h>

#include "base/clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_free_ char *text = text_dup_bytes((const char *) bytes, size);
        _cleanup_account_user_ struct account_user user = { .name = NULL };
        _cleanup_text_ struct text passwd = TEXT_INIT, group = TEXT_INIT;

        if (account_find_uid(text, 1000, &user))
                account_passwd(text, &user, "/home", &passwd);
        free(account_find_gid(text, 1000));
        account_group(text, "user", NULL, 0, &group);
        return 0;
}
