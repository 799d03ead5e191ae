/* get, put, reget and reput: names by pattern become jobs, which then run together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/shell.h"
#include "sftp/names.h"

/* Which way, and what the letters ask for. */
struct copy {
    unsigned flags;
    bool is_upload;
    char *target; /* a directory, or the name of a single file */
    bool is_directory;
};

static unsigned
flags_of(const struct shell *sh, const struct shell_call *call)
{
    const struct invocation *inv = sh->inv;
    unsigned flags = 0;
    if (inv->recursive || shell_has(call, 'r') || shell_has(call, 'R'))
        flags |= TRANSFER_RECURSIVE;
    if (inv->preserve || shell_has(call, 'p') || shell_has(call, 'P'))
        flags |= TRANSFER_PRESERVE;
    if (inv->resume || shell_has(call, 'a'))
        flags |= TRANSFER_RESUME;
    if (inv->fsync || shell_has(call, 'f'))
        flags |= TRANSFER_FSYNC;
    if (inv->inplace)
        flags |= TRANSFER_INPLACE;
    return flags;
}

/* What is said of one: where it will be. */
static void
say_copy(struct shell *sh, const struct copy *copy, const char *source)
{
    struct bytes name = sftp_path_base(bytes_str(source));
    size_t n = strlen(copy->target);
    bool is_inside = copy->is_directory && sftp_name_is_safe(name);
    shell_say(sh, "%s %s to %s%s%.*s", copy->is_upload ? "Uploading" : "Fetching", source,
              copy->target, is_inside && n != 0 && copy->target[n - 1] != '/' ? "/" : "",
              is_inside ? (int)name.n : 0, name.n != 0 ? (const char *)name.p : "");
}

static void
add_copies(struct shell *sh, const struct copy *copy, const struct listing *found)
{
    sh->session.report.is_many = found->n > 1;
    for (size_t i = 0; i < found->n; i++) {
        const char *source = found->entries[i].name;
        struct transfer_spec spec = {.flags = copy->flags};
        spec.verb = copy->is_upload ? TRANSFER_PUT : TRANSFER_GET;
        spec.path = bytes_str(copy->is_upload ? copy->target : source);
        spec.local = copy->is_upload ? source : copy->target;
        say_copy(sh, copy, source);
        session_add(&sh->session, &spec);
    }
    (void)fflush(stdout);
    session_run(&sh->session);
}

/* Several files onto one name would overwrite each other. */
static enum exit_status
check_target(struct shell *sh, const struct copy *copy, const struct listing *found)
{
    if (found->n < 2 || copy->is_directory)
        return EXIT_OK;
    return shell_fail(sh, EXIT_SOME_FAILED,
                      "Multiple source paths, but destination \"%s\" is not a directory",
                      copy->target);
}

static enum exit_status
run_copy(struct shell *sh, struct copy *copy, const struct listing *found)
{
    enum exit_status status = check_target(sh, copy, found);
    sh->session.report.direction = copy->is_upload ? REPORT_UPLOAD : REPORT_DOWNLOAD;
    if (status == EXIT_OK)
        add_copies(sh, copy, found);
    return status;
}

/* ---- get ---- */

static enum exit_status
get(struct shell *sh, const struct shell_call *call, unsigned more_flags)
{
    struct listing found = {0};
    struct stat st;
    struct copy copy = {.flags = flags_of(sh, call) | more_flags,
                        .target = shell_local_path(call->n > 1 ? call->words[1] : ".")};
    enum exit_status status =
        copy.target ? shell_expand_remote(sh, call->words[0], SHELL_NONE_FAILS, &found)
                    : shell_no_memory(sh);
    if (status == EXIT_OK) {
        copy.is_directory = stat(copy.target, &st) == 0 && S_ISDIR(st.st_mode);
        status = run_copy(sh, &copy, &found);
    }
    listing_clear(&found);
    free(copy.target);
    return status;
}

enum exit_status
shell_get(struct shell *sh, const struct shell_call *call)
{
    return get(sh, call, 0);
}

enum exit_status
shell_reget(struct shell *sh, const struct shell_call *call)
{
    return get(sh, call, TRANSFER_RESUME);
}

/* ---- put ---- */

static enum exit_status
put(struct shell *sh, const struct shell_call *call, unsigned more_flags)
{
    struct listing found = {0};
    struct copy copy = {.flags = flags_of(sh, call) | more_flags,
                        .is_upload = true,
                        .target = call->n > 1 ? shell_remote_path(sh, call->words[1])
                                              : strdup(sh->cwd)};
    enum exit_status status = copy.target ? shell_expand_local(sh, call->words[0], &found)
                                          : shell_no_memory(sh);
    if (status == EXIT_OK) {
        copy.is_directory = call->n < 2 || shell_is_directory(sh, copy.target);
        status = run_copy(sh, &copy, &found);
    }
    listing_clear(&found);
    free(copy.target);
    return status;
}

enum exit_status
shell_put(struct shell *sh, const struct shell_call *call)
{
    return put(sh, call, 0);
}

enum exit_status
shell_reput(struct shell *sh, const struct shell_call *call)
{
    return put(sh, call, TRANSFER_RESUME);
}
