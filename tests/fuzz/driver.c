/* Runs every file of the directories given as arguments through the fuzz target, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int run_file(const char *path)
{
        FILE *file = fopen(path, "rb");
        uint8_t *bytes;
        long size;

        if (!file)
                return 0;
        fseek(file, 0, SEEK_END);
        size = ftell(file);
        rewind(file);
        bytes = malloc(size > 0 ? (size_t) size : 1);
        if (size > 0 && fread(bytes, 1, (size_t) size, file) != (size_t) size)
                size = 0;
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, size > 0 ? (size_t) size : 0);
        free(bytes);
        return 1;
}

int main(int argc, char **argv)
{
        int n = 0;

        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);

                for (struct dirent *entry; dir && (entry = readdir(dir));) {
                        char path[4096];

                        if (entry->d_name[0] == '.')
                                continue;
                        snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
                        n += run_file(path);
                }
                if (dir)
                        closedir(dir);
        }
        printf("%d inputs\n", n);
        if (n == 0) {
                fprintf(stderr, "no input found: the corpus is missing\n");
                return 1;
        }
        return 0;
}
