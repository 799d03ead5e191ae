/* rm, mkdir, rmdir, mv, ln and chmod: what changes a server's tree. */
#include <stdlib.h>

#include "cli/operands.h"

/* The job that every operand of these commands becomes, but for its path. */
struct change {
    struct transfer_spec spec;
    bool ignores_missing;
};

static void
add_change(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    const struct change *change = ctx;
    struct transfer_spec spec = change->spec;
    spec.path = bytes_str(o->targets[index].path);
    s->report.ignores_missing = change->ignores_missing;
    session_add(s, &spec);
}

static bool
names_everything(const struct operands *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->targets[i].path[0] == '\0')
            return false;
    return true;
}

static enum exit_status
run_change(const struct invocation *inv, char *const *texts, size_t n,
           struct change *change)
{
    struct operands o = {0};
    enum exit_status status = operands_parse(&o, inv, texts, n);
    if (status == EXIT_OK && !names_everything(&o))
        status = usage_error("a path is missing behind the host");
    if (status == EXIT_OK)
        status = operands_run(&o, REPORT_NO_FILES, NULL, add_change, change);
    operands_clear(&o);
    return status;
}

enum exit_status
cmd_rm(const struct invocation *inv)
{
    struct change change = {
        .spec = {.verb = TRANSFER_REMOVE,
                 .flags = inv->recursive ? (unsigned)TRANSFER_RECURSIVE : 0},
        .ignores_missing = inv->force};
    return run_change(inv, inv->operands, inv->n_operands, &change);
}

enum exit_status
cmd_mkdir(const struct invocation *inv)
{
    struct change change = {
        .spec = {.verb = TRANSFER_MKDIR,
                 .flags = inv->parents ? (unsigned)TRANSFER_PARENTS : 0}};
    return run_change(inv, inv->operands, inv->n_operands, &change);
}

enum exit_status
cmd_rmdir(const struct invocation *inv)
{
    struct change change = {.spec = {.verb = TRANSFER_RMDIR}};
    return run_change(inv, inv->operands, inv->n_operands, &change);
}

/* Four octal digits at most; -1: not a mode. */
static int
read_mode(const char *text)
{
    char *end;
    long mode = strtol(text, &end, 8);
    return *text < '0' || *text > '7' || *end != '\0' || mode > 07777 ? -1 : (int)mode;
}

enum exit_status
cmd_chmod(const struct invocation *inv)
{
    int mode = read_mode(inv->operands[0]);
    if (mode < 0)
        return usage_error("%s: not an octal mode", inv->operands[0]);
    struct change change = {.spec = {.verb = TRANSFER_SETSTAT,
                                     .attrs = {.flags = SFTP_ATTR_PERMISSIONS,
                                               .permissions = (uint32_t)mode}}};
    return run_change(inv, inv->operands + 1, inv->n_operands - 1, &change);
}

/* ---- two paths ---- */

/* The second operand is a path on the first one's host, which it may name again. */
static enum exit_status
second_path(const struct invocation *inv, struct target *second, const char **path)
{
    struct target first;
    const char *text = inv->operands[1], *why = "out of memory";
    enum exit_status status = EXIT_OK;
    *path = text;
    if (!target_is_remote(text))
        return EXIT_OK;
    if (target_parse(text, second, &why) != ERR_NONE)
        return usage_error("%s: %s", text, why);
    if (target_parse(inv->operands[0], &first, &why) == ERR_NONE &&
        !target_is_same_host(&first, second))
        status = usage_error("both names must be on the same host");
    target_clear(&first);
    *path = second->path;
    return status;
}

static enum exit_status
run_pair(const struct invocation *inv, enum transfer_verb verb)
{
    struct target second = {0};
    const char *path = NULL;
    enum exit_status status = second_path(inv, &second, &path);
    if (status == EXIT_OK) {
        struct change change = {.spec = {.verb = verb, .path2 = bytes_str(path)}};
        status = run_change(inv, inv->operands, 1, &change);
    }
    target_clear(&second);
    return status;
}

enum exit_status
cmd_mv(const struct invocation *inv)
{
    return run_pair(inv, TRANSFER_RENAME);
}

enum exit_status
cmd_ln(const struct invocation *inv)
{
    return run_pair(inv, inv->symbolic ? TRANSFER_SYMLINK : TRANSFER_LINK);
}
