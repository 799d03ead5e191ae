/* rm, mkdir, rmdir, chmod, chown, chgrp, rename, ln and symlink. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell.h"
#include "cli/shell_words.h"

static void
run_job(struct shell *sh, const struct transfer_spec *spec)
{
    session_add(&sh->session, spec);
    session_run(&sh->session);
}

/* One job on one path, which is no pattern. */
static enum exit_status
change_one(struct shell *sh, const char *word, enum transfer_verb verb)
{
    char *path = shell_remote_path(sh, word);
    if (!path)
        return shell_no_memory(sh);
    run_job(sh, &(struct transfer_spec){.verb = verb, .path = bytes_str(path)});
    free(path);
    return EXIT_OK;
}

enum exit_status
shell_mkdir(struct shell *sh, const struct shell_call *call)
{
    return change_one(sh, call->words[0], TRANSFER_MKDIR);
}

enum exit_status
shell_rmdir(struct shell *sh, const struct shell_call *call)
{
    return change_one(sh, call->words[0], TRANSFER_RMDIR);
}

/* ---- all that a pattern stands for ---- */

/* A job for each; what each does is said, `doing` with the path. */
static enum exit_status
change_each(struct shell *sh, const char *word, const char *doing,
            const struct transfer_spec *spec)
{
    struct listing found = {0};
    enum exit_status status =
        shell_expand_remote(sh, word, SHELL_NONE_IS_LITERAL, &found);
    for (size_t i = 0; i < found.n && status == EXIT_OK && !shell_is_stopped(sh); i++) {
        struct transfer_spec one = *spec;
        one.path = bytes_str(found.entries[i].name);
        shell_say(sh, "%s %s", doing, found.entries[i].name);
        run_job(sh, &one);
    }
    listing_clear(&found);
    return status;
}

enum exit_status
shell_rm(struct shell *sh, const struct shell_call *call)
{
    return change_each(sh, call->words[0], "Removing",
                       &(struct transfer_spec){.verb = TRANSFER_REMOVE});
}

/* A whole number in a base, at most `most`. False: not one. */
static bool
read_number(const char *text, int base, uint32_t most, uint32_t *number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long n = strtoull(text, &end, base);
    *number = (uint32_t)n;
    return *end == '\0' && n <= most;
}

enum exit_status
shell_chmod(struct shell *sh, const struct shell_call *call)
{
    uint32_t mode;
    if (!read_number(call->words[0], 8, 07777, &mode))
        return shell_fail(sh, EXIT_USAGE,
                          "You must supply a numeric argument to the chmod "
                          "command.");
    return change_each(
        sh, call->words[1], "Changing mode on",
        &(struct transfer_spec){
            .verb = TRANSFER_SETSTAT,
            .flags = shell_has(call, 'h') ? (unsigned)TRANSFER_NO_FOLLOW : 0,
            .attrs = {.flags = SFTP_ATTR_PERMISSIONS, .permissions = mode}});
}

/* ---- owners: the protocol sets both at once, so the other one is asked for ---- */

struct owner_change {
    bool is_group, is_link_itself;
    uint32_t id;
};

static enum exit_status
change_owner_of(struct shell *sh, const char *path, const struct owner_change *change)
{
    struct shell_answer answer = {0};
    enum exit_status status = EXIT_OK;
    const struct transfer_spec look = {.verb = change->is_link_itself ? TRANSFER_LSTAT
                                                                      : TRANSFER_STAT,
                                       .path = bytes_str(path)};
    if (!shell_ask(sh, &look, &answer))
        status = shell_refused(sh, &answer);
    else if ((answer.attrs.flags & SFTP_ATTR_UIDGID) == 0)
        status = shell_fail(sh, EXIT_UNSUPPORTED,
                            "Can't get current ownership of remote file \"%s\"", path);
    if (status == EXIT_OK) {
        struct sftp_attrs attrs = {
            .flags = SFTP_ATTR_UIDGID, .uid = answer.attrs.uid, .gid = answer.attrs.gid};
        *(change->is_group ? &attrs.gid : &attrs.uid) = change->id;
        shell_say(sh, "Changing %s on %s", change->is_group ? "group" : "owner", path);
        run_job(sh, &(struct transfer_spec){.verb = TRANSFER_SETSTAT,
                                            .flags = change->is_link_itself
                                                         ? (unsigned)TRANSFER_NO_FOLLOW
                                                         : 0,
                                            .path = bytes_str(path),
                                            .attrs = attrs});
    }
    shell_answer_clear(&answer);
    return status;
}

static enum exit_status
change_owner(struct shell *sh, const struct shell_call *call, bool is_group)
{
    struct owner_change change = {.is_group = is_group,
                                  .is_link_itself = shell_has(call, 'h')};
    if (!read_number(call->words[0], 10, UINT32_MAX, &change.id))
        return shell_fail(sh, EXIT_USAGE,
                          "You must supply a numeric argument to the %s command.",
                          call->row->names[0]);
    struct listing found = {0};
    enum exit_status status =
        shell_expand_remote(sh, call->words[1], SHELL_NONE_IS_LITERAL, &found);
    for (size_t i = 0; i < found.n && status == EXIT_OK && !shell_is_stopped(sh); i++)
        status = change_owner_of(sh, found.entries[i].name, &change);
    listing_clear(&found);
    return status;
}

enum exit_status
shell_chown(struct shell *sh, const struct shell_call *call)
{
    return change_owner(sh, call, false);
}

enum exit_status
shell_chgrp(struct shell *sh, const struct shell_call *call)
{
    return change_owner(sh, call, true);
}

/* ---- two paths ---- */

static enum exit_status
change_pair(struct shell *sh, char *first, const char *second_word,
            struct transfer_spec *spec)
{
    char *second = shell_remote_path(sh, second_word);
    enum exit_status status = first && second ? EXIT_OK : shell_no_memory(sh);
    if (status == EXIT_OK) {
        spec->path = bytes_str(first);
        spec->path2 = bytes_str(second);
        run_job(sh, spec);
    }
    free(first);
    free(second);
    return status;
}

enum exit_status
shell_rename(struct shell *sh, const struct shell_call *call)
{
    struct transfer_spec spec = {
        .verb = TRANSFER_RENAME,
        .flags = shell_has(call, 'l') ? (unsigned)TRANSFER_NO_OVERWRITE : 0};
    return change_pair(sh, shell_remote_path(sh, call->words[0]), call->words[1], &spec);
}

/* A symbolic link's text is what the user typed, relative if it was. */
enum exit_status
shell_symlink(struct shell *sh, const struct shell_call *call)
{
    struct transfer_spec spec = {.verb = TRANSFER_SYMLINK};
    char *text = strdup(call->words[0]);
    if (text)
        shell_word_text(text);
    return change_pair(sh, text, call->words[1], &spec);
}

enum exit_status
shell_ln(struct shell *sh, const struct shell_call *call)
{
    struct transfer_spec spec = {.verb = TRANSFER_LINK};
    if (shell_has(call, 's'))
        return shell_symlink(sh, call);
    return change_pair(sh, shell_remote_path(sh, call->words[0]), call->words[1], &spec);
}
