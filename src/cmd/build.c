/* The build command's table. */
#include "cmd/build_options.h"
#include "cmd/commands.h"

#include "base/clean.h"

#define FIELD(member) .offset = offsetof(struct build_options, member)
#define DEFINITIONS   "it is for definition files, which are not available yet"
#define ENCRYPTION    "encrypted images are not available yet"

static const struct cli_option list[] = {
        { 0, "arch", "NAME", CLI_STRING, FIELD(arch), .env = { "BUILD_ARCH" },
          .help = "which architecture's image to take from an OCI source that holds several" },
        { 0, "arch-variant", "NAME", CLI_STRING, FIELD(arch_variant), .env = { "BUILD_ARCH_VARIANT" },
          .help = "variant of the architecture, such as v7 for arm" },
        { 0, "data", NULL, CLI_BOOL, FIELD(data), .env = { "DATA" },
          .help = "keep a squashfs file as a data partition, to be mounted by --bind or --mount" },
        { 0, "disable-cache", NULL, CLI_BOOL, FIELD(disable_cache), .env = { "DISABLE_CACHE" },
          .help = "do not use or fill the image cache" },
        { 'f', "fakeroot", NULL, CLI_BOOL, FIELD(fakeroot), .env = { "FAKEROOT" },
          .help = "build as if by root; owners of files are kept without it too" },
        { 0, "fix-perms", NULL, CLI_BOOL, FIELD(fix_perms), .env = { "FIXPERMS" },
          .help = "let the owner read and write all files, and enter all directories" },
        { 'F', "force", NULL, CLI_BOOL, FIELD(force), .env = { "FORCE" },
          .help = "replace what is at the target without asking" },
        { 0, "mksquashfs-args", "ARGS", CLI_STRING, FIELD(mksquashfs_args), .env = { "MKSQUASHFS_ARGS" },
          .help = "how to compress, in the words of mksquashfs: \"-comp gzip\", \"-b 1M\" …" },
        { 'T', "notest", NULL, CLI_BOOL, FIELD(notest), .env = { "NOTEST" },
          .help = "do not run the test script" },
        { 0, "reproducible", NULL, CLI_BOOL, FIELD(reproducible), .env = { "REPRODUCIBLE" },
          .help = "take times from the source, so that building again gives the same bytes" },
        { 's', "sandbox", NULL, CLI_BOOL, FIELD(sandbox), .env = { "SANDBOX" },
          .help = "make a directory instead of a SIF file" },

        /* Of no effect on sources that lie on disk and have no scripts. */
        { 0, "authfile", "FILE", CLI_STRING, FIELD(authfile), .env = { "AUTH_FILE" },
          .flags = CLI_HIDDEN | CLI_PATH, .help = "credentials for registries" },
        { 0, "docker-host", "ADDRESS", CLI_STRING, FIELD(docker_host), .env = { "DOCKER_HOST" },
          .flags = CLI_HIDDEN | CLI_BARE_ENV, .help = "address of the Docker daemon" },
        { 0, "docker-login", NULL, CLI_BOOL, FIELD(docker_login), .env = { "DOCKER_LOGIN" },
          .flags = CLI_HIDDEN, .help = "ask for registry credentials" },
        { 0, "docker-password", "TEXT", CLI_STRING, FIELD(docker_password), .env = { "DOCKER_PASSWORD" },
          .flags = CLI_HIDDEN | CLI_BARE_ENV, .help = "registry password" },
        { 0, "docker-username", "NAME", CLI_STRING, FIELD(docker_user), .env = { "DOCKER_USERNAME" },
          .flags = CLI_HIDDEN | CLI_BARE_ENV, .help = "registry user" },
        { 0, "buildkit-host", "ADDRESS", CLI_STRING, FIELD(ignored_text), .env = { "BUILDKIT_HOST" },
          .flags = CLI_HIDDEN | CLI_BARE_ENV, .help = "address of BuildKit" },
        { 0, "ignore-fakeroot-command", NULL, CLI_BOOL, FIELD(ignored), .env = { "IGNORE_FAKEROOT_COMMAND" },
          .flags = CLI_HIDDEN, .help = "do not use the fakeroot command" },
        { 0, "ignore-proot", NULL, CLI_BOOL, FIELD(ignored), .env = { "IGNORE_PROOT" }, .flags = CLI_HIDDEN,
          .help = "do not use proot" },
        { 0, "ignore-subuid", NULL, CLI_BOOL, FIELD(ignored), .env = { "IGNORE_SUBUID" }, .flags = CLI_HIDDEN,
          .help = "do not use subordinate ids" },
        { 0, "ignore-userns", NULL, CLI_BOOL, FIELD(ignored), .env = { "IGNORE_USERNS" }, .flags = CLI_HIDDEN,
          .help = "do not use user namespaces" },
        { 0, "json", NULL, CLI_BOOL, FIELD(json), .env = { "JSON" }, .flags = CLI_HIDDEN,
          .help = "the definition is JSON" },
        { 0, "library", "URL", CLI_STRING, FIELD(library), .env = { "LIBRARY" }, .flags = CLI_HIDDEN,
          .help = "address of the library" },
        { 0, "mount", "SPEC", CLI_ARRAY, FIELD(ignored_array), .env = { "MOUNT" },
          .flags = CLI_HIDDEN | CLI_APPEND_ENV, .help = "mounts for build scripts" },
        { 0, "no-cleanup", NULL, CLI_BOOL, FIELD(no_cleanup), .env = { "NO_CLEANUP" }, .flags = CLI_HIDDEN,
          .help = "keep temporary directories" },
        { 0, "no-https", NULL, CLI_BOOL, FIELD(no_https), .env = { "NOHTTPS", "NO_HTTPS" },
          .flags = CLI_HIDDEN, .help = "talk to registries without encryption" },
        { 0, "nvccli", NULL, CLI_BOOL, FIELD(nvccli), .env = { "NVCCLI" }, .flags = CLI_HIDDEN,
          .help = "GPU set-up by nvidia-container-cli for build scripts" },
        { 0, "tmpdir", "DIR", CLI_STRING, FIELD(tmpdir), .env = { "TMPDIR" }, .flags = CLI_HIDDEN | CLI_PATH,
          .help = "directory for temporary files; there are none" },
        { 0, "userns", NULL, CLI_BOOL, FIELD(userns), .env = { "USERNS" }, .flags = CLI_HIDDEN,
          .help = "do not use a privileged helper; there is none" },
        { 0, "writable-tmpfs", NULL, CLI_BOOL, FIELD(writable_tmpfs), .env = { "WRITABLE_TMPFS" },
          .flags = CLI_HIDDEN, .help = "a writable layer for the test script" },
        { 0, "remote", NULL, CLI_BOOL, FIELD(remote), .flags = CLI_HIDDEN, .help = "no longer supported" },

        { 'B', "bind", "SPEC", CLI_ARRAY, FIELD(ignored_array), .flags = CLI_NOT_YET, .help = "",
          .note = DEFINITIONS },
        { 0, "build-arg", "NAME=VALUE", CLI_LIST, FIELD(ignored_list), .flags = CLI_NOT_YET, .help = "",
          .note = DEFINITIONS },
        { 0, "build-arg-file", "FILE", CLI_STRING, FIELD(ignored_text), .flags = CLI_NOT_YET, .help = "",
          .note = DEFINITIONS },
        { 0, "compat32", NULL, CLI_BOOL, FIELD(ignored), .flags = CLI_NOT_YET, .help = "",
          .note = DEFINITIONS },
        { 'e', "encrypt", NULL, CLI_BOOL, FIELD(ignored), .flags = CLI_NOT_YET, .help = "",
          .note = ENCRYPTION },
        { 0, "nv", NULL, CLI_BOOL, FIELD(ignored), .flags = CLI_NOT_YET, .help = "", .note = DEFINITIONS },
        { 0, "passphrase", NULL, CLI_BOOL, FIELD(ignored), .flags = CLI_NOT_YET, .help = "",
          .note = ENCRYPTION },
        { 0, "pem-path", "FILE", CLI_STRING, FIELD(ignored_text), .flags = CLI_NOT_YET, .help = "",
          .note = ENCRYPTION },
        { 0, "rocm", NULL, CLI_BOOL, FIELD(ignored), .flags = CLI_NOT_YET, .help = "", .note = DEFINITIONS },
        { 0, "section", "LIST", CLI_LIST, FIELD(ignored_list), .env = { "SECTION" }, .flags = CLI_NOT_YET,
          .help = "", .note = DEFINITIONS },
        { 'u', "update", NULL, CLI_BOOL, FIELD(ignored), .env = { "UPDATE" }, .flags = CLI_NOT_YET,
          .help = "", .note = DEFINITIONS },
        { 0, "warn-unused-build-args", NULL, CLI_BOOL, FIELD(ignored), .flags = CLI_NOT_YET, .help = "",
          .note = DEFINITIONS },
};

static const struct cli_option_table tables[] = { { list, ARRAY_SIZE(list) } };

const struct cli_command cmd_build = {
        .name = "build",
        .use = "build [build options...] <target> <source>",
        .summary = "Make an image",
        .description =
                "Makes a SIF file, or with --sandbox a directory, from a source that lies on disk:\n\n"
                "docker-archive:FILE: what `docker save` and `podman save` write, compressed or not; FILE:NAME:TAG "
                "names one of several images in it.\n"
                "oci:DIRECTORY, oci-archive:FILE: an OCI layout, as a directory or a tar file; with :TAG or "
                "@sha256:DIGEST behind it where there are several images.\n"
                "DIRECTORY: a sandbox, or any directory that holds a root file system.\n"
                "FILE: a SIF or squashfs file.\n\n"
                "Layers pass straight into the image: nothing is unpacked, no temporary space is needed, owners and "
                "permissions are kept, whoever builds. The target appears when it is complete.",
        .examples = "$ docker save -o tools.tar tools:1.2\n"
                    "$ apptainer build tools.sif docker-archive:tools.tar\n"
                    "$ apptainer build --sandbox tools/ tools.sif\n"
                    "$ SOURCE_DATE_EPOCH=0 apptainer build --force tools.sif tools/",
        .tables = tables,
        .n_tables = ARRAY_SIZE(tables),
        .options_size = sizeof(struct build_options),
        .args_least = 2,
        .args_most = 2,
        .flags = CLI_FILES,
        .handler = cmd_build_run,
};
