#include "config/config.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_config_ struct config config;

        config_init(&config);
        config_parse(&config, "fuzz", (const char *) bytes, size, NULL, NULL);
        return 0;
}
