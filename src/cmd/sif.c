/* The tables of `sif`.  Handlers: sif_show.c (header, list, info, dump), sif_change.c (new, del, setprim),
 * sif_add.c. */
#include "base/clean.h"
#include "cmd/commands.h"
#include "cmd/sif_options.h"

#define FIELD(member) .offset = offsetof(struct sif_add_options, member)

static const struct cli_option show_options[] = {
        { 0, "json", NULL, CLI_BOOL, offsetof(struct sif_show_options, json), .help = "print JSON" },
};
static const struct cli_option_table show_tables[] = { { show_options, ARRAY_SIZE(show_options) } };

static const struct cli_option add_options[] = {
        { 0, "alignment", "BYTES", CLI_INT, FIELD(alignment),
          .help = "begin the object at a multiple of this power of two; without it, partitions begin at a "
                  "multiple of 4096 and others anywhere" },
        { 0, "datatype", "TYPE", CLI_INT, FIELD(datatype),
          .help = "what the object is, needed: 1 definition file, 2 environment, 3 labels, 4 partition, 5 "
                  "signature, 6 JSON, 7 anything, 8 cryptographic message, 9 SBOM, 10 OCI root index, 11 OCI "
                  "blob" },
        { 0, "filename", "NAME", CLI_STRING, FIELD(filename),
          .help = "name of the object, at most 128 bytes; without it, none" },
        { 0, "groupid", "GROUP", CLI_UINT32, FIELD(groupid),
          .help = "the object's group; 0 or nothing: none" },
        { 0, "link", "ID", CLI_UINT32, FIELD(link), .help = "the object that this one belongs to" },
        { 0, "partarch", "ARCH", CLI_INT, FIELD(partarch),
          .help = "partition, needed: 1 386, 2 amd64, 3 arm, 4 arm64, 5 ppc64, 6 ppc64le, 7 mips, 8 mipsle, "
                  "9 mips64, 10 mips64le, 11 s390x, 12 riscv64, 13 loong64" },
        { 0, "partfs", "FS", CLI_INT, FIELD(partfs),
          .help = "partition, needed: 1 squashfs, 2 ext3, 3 archive, 4 raw, 5 squashfs in LUKS2, 6 squashfs "
                  "in gocryptfs" },
        { 0, "parttype", "PART", CLI_INT, FIELD(parttype),
          .help = "partition, needed: 1 system, 2 primary system, 3 data, 4 overlay" },
        { 0, "sbomformat", "FORMAT", CLI_STRING, FIELD(sbomformat),
          .help = "SBOM, needed: cyclonedx-json, cyclonedx-xml, github-json, spdx-json, spdx-rdf, "
                  "spdx-tag-value, spdx-yaml, syft-json" },
        { 0, "signentity", "FINGERPRINT", CLI_STRING, FIELD(signentity),
          .help = "signature, needed: who signs, 40 hexadecimal digits" },
        { 0, "signhash", "HASH", CLI_INT, FIELD(signhash),
          .help = "signature, needed: 1 SHA-256, 2 SHA-384, 3 SHA-512, 4 BLAKE2s-256, 5 BLAKE2b-256" },
};
static const struct cli_option_table add_tables[] = { { add_options, ARRAY_SIZE(add_options) } };

static const struct cli_command header = {
        .name = "header",
        .use = "header <sif_path>",
        .summary = "Display global header",
        .description = "Prints the global header of a SIF image, one value a line.",
        .examples = "$ apptainer sif header image.sif",
        .tables = show_tables,
        .n_tables = ARRAY_SIZE(show_tables),
        .options_size = sizeof(struct sif_show_options),
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_header_run,
};

static const struct cli_command list = {
        .name = "list",
        .use = "list <sif_path>",
        .summary = "List data objects",
        .description = "Prints a line for each data object of a SIF image: its ID, group, link, place in the "
                       "file and type.",
        .examples = "$ apptainer sif list image.sif\n"
                    "$ apptainer sif list --json image.sif | jq -r '.objects[].dataType'",
        .tables = show_tables,
        .n_tables = ARRAY_SIZE(show_tables),
        .options_size = sizeof(struct sif_show_options),
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_list_run,
};

static const struct cli_command info = {
        .name = "info",
        .use = "info <id> <sif_path>",
        .summary = "Display data object info",
        .description = "Prints all that a SIF image says about one of its data objects.",
        .examples = "$ apptainer sif info 1 image.sif",
        .tables = show_tables,
        .n_tables = ARRAY_SIZE(show_tables),
        .options_size = sizeof(struct sif_show_options),
        .args_least = 2,
        .args_most = 2,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_info_run,
};

static const struct cli_command dump = {
        .name = "dump",
        .use = "dump <id> <sif_path>",
        .summary = "Dump data object",
        .description = "Writes the bytes of a data object to standard output.",
        .examples = "$ apptainer sif dump 1 image.sif\n"
                    "$ apptainer sif dump 3 image.sif >rootfs.squashfs",
        .args_least = 2,
        .args_most = 2,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_dump_run,
};

static const struct cli_command new = {
        .name = "new",
        .use = "new <sif_path>",
        .summary = "Create SIF image",
        .description = "Creates an empty SIF image with room for 48 data objects. A file of that name is "
                       "replaced.",
        .examples = "$ apptainer sif new image.sif",
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_new_run,
};

static const struct cli_command add = {
        .name = "add",
        .use = "add <sif_path> <object_path>",
        .summary = "Add data object",
        .description = "Adds the bytes of a file, or of a pipe, to a SIF image. Others that change the image "
                       "at the same time wait.",
        .examples = "$ apptainer sif add image.sif recipe.def --datatype 1\n"
                    "$ apptainer sif add image.sif rootfs.squashfs --datatype 4 --parttype 1 --partfs 1 "
                    "--partarch 2",
        .tables = add_tables,
        .n_tables = ARRAY_SIZE(add_tables),
        .options_size = sizeof(struct sif_add_options),
        .args_least = 2,
        .args_most = 2,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_add_run,
};

static const struct cli_command del = {
        .name = "del",
        .use = "del <id> <sif_path>",
        .summary = "Delete data object",
        .description =
                "Removes a data object from the table of a SIF image. Its bytes stay in the file until "
                "others are written over them.",
        .examples = "$ apptainer sif del 1 image.sif",
        .args_least = 2,
        .args_most = 2,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_del_run,
};

static const struct cli_command setprim = {
        .name = "setprim",
        .use = "setprim <id> <sif_path>",
        .summary = "Set primary system partition",
        .description = "Makes a system partition the one that containers start from; the former primary "
                       "partition becomes an ordinary system partition.",
        .examples = "$ apptainer sif setprim 1 image.sif",
        .args_least = 2,
        .args_most = 2,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_sif_setprim_run,
};

static const char *const aliases[] = { "siftool", NULL };
static const struct cli_command *const commands[] = { &add,  &del, &dump,    &header, &info,
                                                      &list, &new, &setprim, NULL };

const struct cli_command cmd_sif = {
        .name = "sif",
        .aliases = aliases,
        .use = "sif",
        .summary = "Manipulate Singularity Image Format (SIF) images",
        .description =
                "Shows what is in a SIF image, takes data objects out of it, and adds and removes them.",
        .examples = "$ apptainer help sif list\n"
                    "$ apptainer sif list image.sif",
        .subcommands = commands,
};
