#include "run/seccomp_profile.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/json.h"
#include "run/capabilities.h"

#define ARGUMENTS_MAX 6

struct word {
        const char *word;
        uint32_t value;
};

static const struct word actions[] = {
        { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
        { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
        { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
        { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG },
};

static const struct word architectures[] = {
        { "SCMP_ARCH_X86", SCMP_ARCH_X86 },
        { "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
        { "SCMP_ARCH_X32", SCMP_ARCH_X32 },
        { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
        { "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
        { "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
        { "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
        { "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
        { "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
        { "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
        { "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
        { "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
        { "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
        { "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
        { "SCMP_ARCH_S390", SCMP_ARCH_S390 },
        { "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
        { "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
};

/* What rules with "arches" call the machine. */
static const struct word machines[] = {
        { "amd64", SCMP_ARCH_X86_64 },      { "x86", SCMP_ARCH_X86 },       { "386", SCMP_ARCH_X86 },
        { "arm64", SCMP_ARCH_AARCH64 },     { "arm", SCMP_ARCH_ARM },       { "ppc64le", SCMP_ARCH_PPC64LE },
        { "s390x", SCMP_ARCH_S390X },       { "s390", SCMP_ARCH_S390 },     { "riscv64", SCMP_ARCH_RISCV64 },
        { "mips64le", SCMP_ARCH_MIPSEL64 }, { "mips64", SCMP_ARCH_MIPS64 },
};

static const struct word operators[] = {
        { "SCMP_CMP_NE", SCMP_CMP_NE },
        { "SCMP_CMP_LT", SCMP_CMP_LT },
        { "SCMP_CMP_LE", SCMP_CMP_LE },
        { "SCMP_CMP_EQ", SCMP_CMP_EQ },
        { "SCMP_CMP_GE", SCMP_CMP_GE },
        { "SCMP_CMP_GT", SCMP_CMP_GT },
        { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

/* TSYNC is for threads, and there is one. */
static const struct word flag_words[] = {
        { "SECCOMP_FILTER_FLAG_TSYNC", 0 },
        { "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
        { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
};

struct reader {
        scmp_filter_ctx context;
        uint32_t standard; /* defaultAction */
        uint64_t capabilities;
        unsigned flags;
};

#define FIND(table, what, word, ret, e) find(table, ARRAY_SIZE(table), what, word, ret, e)

static int find(const struct word *table, size_t n, const char *what, const char *word, uint32_t *ret,
                struct err *e)
{
        for (size_t i = 0; word && i < n; i++)
                if (strcmp(table[i].word, word) == 0) {
                        *ret = table[i].value;
                        return 0;
                }
        if (!word)
                return err_set(e, -EBADMSG, "%s is missing", what);
        return err_set(e, -ENOTSUP, "%s \"%s\" is not supported", what, word);
}

static int read_action(const json_t *object, const char *key, const char *errno_key, uint32_t *ret,
                       struct err *e)
{
        const json_t *number = json_object_get(object, errno_key);
        json_int_t value = json_is_integer(number) ? json_integer_value(number) : EPERM;
        uint32_t action = 0;
        int r = FIND(actions, key, json_member(object, key), &action, e);

        if (r < 0)
                return r;
        if (value < 0 || value > UINT16_MAX)
                return err_set(e, -EBADMSG, "%s is out of range", errno_key);
        if (action == SCMP_ACT_ERRNO(0) || action == SCMP_ACT_TRACE(0))
                action |= (uint32_t) value;
        *ret = action;
        return 0;
}

/* --- for which machines and capabilities a rule is -------------------------------------------------------
 */

static bool is_this_machine(const char *name)
{
        uint32_t found;

        return name && FIND(machines, "", name, &found, NULL) == 0 && found == seccomp_arch_native();
}

static bool has_capability(const struct reader *reader, const char *name)
{
        uint64_t set;

        return name && capabilities_find(name, &set) && (reader->capabilities & set) == set;
}

/* "includes": all of the capabilities and one of the machines; "excludes": none of either. */
static bool rule_is_meant(const struct reader *reader, const json_t *rule)
{
        const json_t *includes = json_object_get(rule, "includes"),
                     *excludes = json_object_get(rule, "excludes");
        const json_t *arches = json_object_get(includes, "arches"), *item;
        bool here = json_array_size(arches) == 0;
        size_t i;

        json_array_foreach(arches, i, item) here = here || is_this_machine(json_string_value(item));
        if (!here)
                return false;
        json_array_foreach(json_object_get(includes, "caps"), i,
                           item) if (!has_capability(reader, json_string_value(item))) return false;
        json_array_foreach(json_object_get(excludes, "arches"), i,
                           item) if (is_this_machine(json_string_value(item))) return false;
        json_array_foreach(json_object_get(excludes, "caps"), i,
                           item) if (has_capability(reader, json_string_value(item))) return false;
        return true;
}

/* --- rules -----------------------------------------------------------------------------------------------
 */

static int read_argument(const json_t *argument, struct scmp_arg_cmp *ret, struct err *e)
{
        const json_t *index = json_object_get(argument, "index"), *value = json_object_get(argument, "value");
        const json_t *two = json_object_get(argument, "valueTwo");
        uint32_t operator= 0;
        int r = FIND(operators, "op", json_member(argument, "op"), &operator, e);

        if (r < 0)
                return r;
        if (!json_is_integer(index) || !json_is_integer(value) || json_integer_value(index) < 0 ||
            json_integer_value(index) >= ARGUMENTS_MAX || (two && !json_is_integer(two)))
                return err_set(e, -EBADMSG, "an argument needs an index below %d and integers as values",
                               ARGUMENTS_MAX);
        *ret = (struct scmp_arg_cmp){
                .arg = (unsigned) json_integer_value(index),
                .op = operator,
                .datum_a =(scmp_datum_t) json_integer_value(value),
                .datum_b = (scmp_datum_t) json_integer_value(two),
        };
        return 0;
}

static int read_arguments(const json_t *rule, struct scmp_arg_cmp *ret, unsigned *ret_n, bool *ret_twice,
                          struct err *e)
{
        const json_t *arguments = json_object_get(rule, "args"), *argument;
        unsigned seen = 0;
        size_t i;

        if (json_array_size(arguments) > ARGUMENTS_MAX)
                return err_set(e, -E2BIG, "a rule has more than %d arguments", ARGUMENTS_MAX);
        *ret_twice = false;
        json_array_foreach(arguments, i, argument)
        {
                int r = read_argument(argument, &ret[i], e);

                if (r < 0)
                        return r;
                *ret_twice = *ret_twice || seen & 1u << ret[i].arg;
                seen |= 1u << ret[i].arg;
        }
        *ret_n = (unsigned) json_array_size(arguments);
        return 0;
}

static int add_call(const struct reader *reader, const char *name, uint32_t action,
                    const struct scmp_arg_cmp *arguments, unsigned n, struct err *e)
{
        int call = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
        int r;

        if (!name)
                return err_set(e, -EBADMSG, "a rule has a name that is no string");
        /* What is not known cannot be let through, which is safe, or kept from passing, which is not. */
        if (call == __NR_SCMP_ERROR)
                return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG
                               ? 0
                               : err_set(e, -ENOTSUP, "the system call \"%s\" is not known here", name);
        r = seccomp_rule_add_array(reader->context, action, call, n, arguments);
        return r < 0 ? err_errno(e, r, "adding a rule for \"%s\"", name) : 0;
}

/* Conditions on the same argument are alternatives, as runc takes them. */
static int add_rule(const struct reader *reader, const char *name, uint32_t action,
                    const struct scmp_arg_cmp *arguments, unsigned n, bool twice, struct err *e)
{
        if (!twice)
                return add_call(reader, name, action, arguments, n, e);
        for (unsigned i = 0; i < n; i++) {
                int r = add_call(reader, name, action, &arguments[i], 1, e);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_rule(const struct reader *reader, const json_t *rule, struct err *e)
{
        struct scmp_arg_cmp arguments[ARGUMENTS_MAX] = { { 0 } };
        const json_t *name;
        uint32_t action = 0;
        unsigned n = 0;
        bool twice = false;
        size_t i;
        int r = read_action(rule, "action", "errnoRet", &action, e);

        if (r >= 0)
                r = read_arguments(rule, arguments, &n, &twice, e);
        if (r < 0 || !rule_is_meant(reader, rule) || action == reader->standard)
                return r;
        if (json_member(rule, "name"))
                r = add_rule(reader, json_member(rule, "name"), action, arguments, n, twice, e);
        json_array_foreach(json_object_get(rule, "names"), i, name)
        {
                if (r < 0)
                        return r;
                r = add_rule(reader, json_string_value(name), action, arguments, n, twice, e);
        }
        return r;
}

/* --- profile ---------------------------------------------------------------------------------------------
 */

static int add_architecture(const struct reader *reader, const char *name, struct err *e)
{
        uint32_t architecture = 0;
        int r = FIND(architectures, "the architecture", name, &architecture, e);

        if (r < 0)
                return r;
        r = seccomp_arch_add(reader->context, architecture);
        return r < 0 && r != -EEXIST ? err_errno(e, r, "adding the architecture %s", name) : 0;
}

/* "architectures", or of "archMap" the entry of this machine. */
static int read_architectures(const struct reader *reader, const json_t *profile, struct err *e)
{
        const json_t *entry, *item;
        uint32_t architecture = 0;
        size_t i, k;
        int r;

        json_array_foreach(json_object_get(profile, "architectures"), i, item)
        {
                r = add_architecture(reader, json_string_value(item), e);
                if (r < 0)
                        return r;
        }
        json_array_foreach(json_object_get(profile, "archMap"), i, entry)
        {
                if (FIND(architectures, "", json_member(entry, "architecture"), &architecture, NULL) < 0 ||
                    architecture != seccomp_arch_native())
                        continue;
                json_array_foreach(json_object_get(entry, "subArchitectures"), k, item)
                {
                        r = add_architecture(reader, json_string_value(item), e);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int read_flags(struct reader *reader, const json_t *profile, struct err *e)
{
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(profile, "flags"), i, item)
        {
                uint32_t flag;
                int r = FIND(flag_words, "the flag", json_string_value(item), &flag, e);

                if (r < 0)
                        return r;
                reader->flags |= flag;
        }
        return 0;
}

static int read_profile(struct reader *reader, const json_t *profile, struct err *e)
{
        const json_t *rules = json_object_get(profile, "syscalls"), *rule;
        size_t i;
        int r = read_action(profile, "defaultAction", "defaultErrnoRet", &reader->standard, e);

        if (r < 0)
                return r;
        if (rules && !json_is_array(rules))
                return err_set(e, -EBADMSG, "syscalls is not a list");
        reader->context = seccomp_init(reader->standard);
        if (!reader->context)
                return err_set(e, -ENOTSUP, "defaultAction is not supported by this machine");
        /* Threads and no_new_privs are the caller's business. */
        r = read_flags(reader, profile, e);
        if (r >= 0)
                r = read_architectures(reader, profile, e);
        json_array_foreach(rules, i, rule)
        {
                if (r < 0)
                        break;
                r = read_rule(reader, rule, e);
                if (r < 0)
                        r = err_ctx(e, r, "rule %zu", i + 1);
        }
        return r;
}

/* libseccomp gives the program away through a descriptor only (before 2.6). */
static int take_program(const struct reader *reader, struct seccomp_profile *ret, struct err *e)
{
        _cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
        char *bytes = NULL;
        size_t size = 0;
        int r = fd < 0 ? -errno : seccomp_export_bpf(reader->context, fd);

        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r >= 0)
                r = fd_read_all(fd, SECCOMP_PROFILE_MAX, &bytes, &size);
        if (r < 0)
                return err_errno(e, r, "making the filter");
        *ret = (struct seccomp_profile){ bytes, size / sizeof(struct sock_filter), reader->flags };
        return 0;
}

int seccomp_profile_load(struct seccomp_profile *profile, const char *path, uint64_t capabilities,
                         struct err *e)
{
        struct reader reader = { .capabilities = capabilities };
        _cleanup_free_ char *text = NULL;
        _cleanup_json_ json_t *json = NULL;
        size_t size;
        int r = fd_read_file(AT_FDCWD, path, SECCOMP_PROFILE_MAX, &text, &size);

        if (r < 0)
                return err_errno(e, r, "--security seccomp: %s", path);
        json = json_parse(text, size, path, e);
        if (!json)
                return err_ctx(e, -EBADMSG, "--security seccomp");
        if (!json_is_object(json))
                return err_set(e, -EBADMSG, "--security seccomp: %s is not a profile", path);
        r = read_profile(&reader, json, e);
        if (r >= 0)
                r = take_program(&reader, profile, e);
        if (reader.context)
                seccomp_release(reader.context);
        return r < 0 ? err_ctx(e, r, "--security seccomp: %s", path) : 0;
}

int seccomp_profile_apply(const struct seccomp_profile *profile, struct err *e)
{
        struct sock_fprog program = { .len = (unsigned short) profile->n, .filter = profile->program };

        if (profile->n > BPF_MAXINSNS)
                return err_set(e, -E2BIG, "--security seccomp: the filter has more than %d instructions",
                               BPF_MAXINSNS);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, profile->flags, &program) < 0)
                return err_errno(e, -errno, "--security seccomp: putting the filter in force");
        return 0;
}

void seccomp_profile_done(struct seccomp_profile *profile)
{
        free(profile->program);
        *profile = (struct seccomp_profile) SECCOMP_PROFILE_INIT;
}
