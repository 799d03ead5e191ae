/* cd, pwd, ls, df, version and help: what does not change the server. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/progress.h"
#include "cli/shell.h"
#include "config/nearest.h"
#include "sftp/names.h"

/* ---- where we are ---- */

/* The server's own name of a path, so that ".." and links are gone. */
static enum exit_status
resolve(struct shell *sh, const char *path, char **real)
{
    struct shell_answer answer = {0};
    enum exit_status status = EXIT_OK;
    if (shell_ask(
            sh,
            &(struct transfer_spec){.verb = TRANSFER_REALPATH, .path = bytes_str(path)},
            &answer)) {
        const char *text = buf_cstr(&answer.path);
        *real = text && *text ? strdup(text) : NULL;
        status = *real ? EXIT_OK : shell_no_memory(sh);
    } else {
        status = shell_refused(sh, &answer);
    }
    shell_answer_clear(&answer);
    return status;
}

/* Only a directory that can be looked at is changed to. */
static enum exit_status
check_directory(struct shell *sh, const char *path)
{
    struct shell_answer answer = {0};
    enum exit_status status = EXIT_OK;
    if (!shell_ask(
            sh, &(struct transfer_spec){.verb = TRANSFER_STAT, .path = bytes_str(path)},
            &answer))
        status = shell_refused(sh, &answer);
    else if ((answer.attrs.flags & SFTP_ATTR_PERMISSIONS) == 0)
        status =
            shell_fail(sh, EXIT_UNSUPPORTED,
                       "Can't change directory: the server tells no type of %s", path);
    else if (!S_ISDIR(answer.attrs.permissions))
        status = shell_fail(sh, EXIT_SOME_FAILED,
                            "Can't change directory: \"%s\" is not a directory", path);
    shell_answer_clear(&answer);
    return status;
}

enum exit_status
shell_cd(struct shell *sh, const struct shell_call *call)
{
    char *real = NULL;
    char *path = call->n != 0 ? shell_remote_path(sh, call->words[0]) : strdup(sh->start);
    enum exit_status status = path ? resolve(sh, path, &real) : shell_no_memory(sh);
    if (status == EXIT_OK)
        status = check_directory(sh, real);
    if (status == EXIT_OK) {
        free(sh->cwd);
        sh->cwd = real;
        real = NULL;
    }
    free(real);
    free(path);
    return status;
}

enum exit_status
shell_pwd(struct shell *sh, const struct shell_call *call)
{
    struct buf text;
    (void)call;
    buf_init(&text, SHELL_TEXT_MAX);
    buf_put_str(&text, "Remote working directory: ");
    text_escape(&text, bytes_str(sh->cwd), 0);
    buf_put_u8(&text, '\n');
    shell_out(sh, &text);
    return EXIT_OK;
}

/* ---- ls ---- */

static struct listing_style
style_of(const struct shell *sh, const struct shell_call *call)
{
    const struct console *c = &sh->session.console;
    return (struct listing_style){.is_long = shell_has(call, 'l') || shell_has(call, 'n'),
                                  .is_human = shell_has(call, 'h'),
                                  .is_single_column = shell_has(call, '1'),
                                  .by_time = shell_has(call, 't'),
                                  .by_size = shell_has(call, 'S'),
                                  .is_reversed = shell_has(call, 'r'),
                                  .is_unsorted = shell_has(call, 'f'),
                                  .has_color = c->has_color,
                                  .keeps_backslash = true,
                                  .width = c->out_is_terminal ? console_width() : 80,
                                  .now = time(NULL)};
}

static void
print_listing(struct shell *sh, const struct shell_call *call, struct listing *l)
{
    const struct listing_style style = style_of(sh, call);
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    listing_put(&text, l, &style);
    shell_out(sh, &text);
}

/* The names of a directory, each behind `prefix`, which the user typed. */
static enum exit_status
list_directory(struct shell *sh, const struct shell_call *call, const char *path,
               const char *prefix)
{
    struct listing names = {0}, shown = {0};
    struct shell_answer answer = {.names = &names};
    enum exit_status status = EXIT_OK;
    if (!shell_ask(
            sh, &(struct transfer_spec){.verb = TRANSFER_LIST, .path = bytes_str(path)},
            &answer))
        status = shell_refused(sh, &answer);
    for (size_t i = 0; i < names.n && status == EXIT_OK; i++) {
        const struct listing_entry *e = &names.entries[i];
        struct buf name;
        if (e->name[0] == '.' && !shell_has(call, 'a'))
            continue;
        buf_init(&name, SHELL_TEXT_MAX);
        buf_put_str(&name, prefix);
        if (*prefix && prefix[strlen(prefix) - 1] != '/')
            buf_put_u8(&name, '/');
        buf_put(&name, bytes_of(e->name, e->name_len));
        if (listing_add(&shown, buf_bytes(&name), &e->attrs) != ERR_NONE)
            status = shell_no_memory(sh);
        buf_clear(&name);
    }
    if (status == EXIT_OK)
        print_listing(sh, call, &shown);
    listing_clear(&names);
    listing_clear(&shown);
    shell_answer_clear(&answer);
    return status;
}

/* Paths below the working directory are shown as the user typed them. */
static const char *
as_typed(const struct shell *sh, const char *word, const char *path)
{
    size_t n = strlen(sh->cwd);
    if (word[0] == '/' || word[0] == '~' || strncmp(path, sh->cwd, n) != 0)
        return path;
    path += n;
    return *path == '/' ? path + 1 : path;
}

static enum exit_status
print_matches(struct shell *sh, const struct shell_call *call,
              const struct listing *found)
{
    struct listing shown = {0};
    enum exit_status status = EXIT_OK;
    for (size_t i = 0; i < found->n && status == EXIT_OK; i++) {
        const struct listing_entry *e = &found->entries[i];
        const char *name = as_typed(sh, call->words[0], e->name);
        if (listing_add(&shown, bytes_str(name), &e->attrs) != ERR_NONE)
            status = shell_no_memory(sh);
    }
    if (status == EXIT_OK)
        print_listing(sh, call, &shown);
    listing_clear(&shown);
    return status;
}

/* A link that leads to a directory is listed like one. */
static bool
is_directory(struct shell *sh, const struct listing_entry *e)
{
    return S_ISDIR(e->attrs.permissions) ||
           (S_ISLNK(e->attrs.permissions) && shell_is_directory(sh, e->name));
}

enum exit_status
shell_ls(struct shell *sh, const struct shell_call *call)
{
    if (call->n == 0)
        return list_directory(sh, call, sh->cwd, "");
    struct listing found = {0};
    enum exit_status status =
        shell_expand_remote(sh, call->words[0], SHELL_NONE_FAILS, &found);
    if (status == EXIT_OK && found.n == 1 && is_directory(sh, &found.entries[0])) {
        const char *path = found.entries[0].name;
        status = list_directory(sh, call, path, as_typed(sh, call->words[0], path));
    } else if (status == EXIT_OK) {
        status = print_matches(sh, call, &found);
    }
    listing_clear(&found);
    return status;
}

/* ---- df ---- */

static uint64_t
share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (uint64_t)((double)part * 100 / (double)whole);
}

/* The server's numbers may overflow when multiplied: then the most that fits. */
static uint64_t
octets(uint64_t blocks, uint64_t size)
{
    uint64_t product;
    return __builtin_mul_overflow(blocks, size, &product) ? UINT64_MAX : product;
}

static void
put_scaled(struct buf *text, uint64_t n)
{
    struct buf number;
    buf_init(&number, 64);
    size_put_human(&number, n);
    const char *s = buf_cstr(&number);
    buf_printf(text, "%9s", s ? s : "?");
    buf_clear(&number);
}

static void
put_space(struct buf *text, const struct sftp_msg_ext_statvfs_reply *v, bool is_human)
{
    uint64_t used = v->blocks > v->bfree ? v->blocks - v->bfree : 0;
    const uint64_t columns[] = {v->blocks, used, v->bavail, v->bfree};
    buf_put_str(text, is_human ? "     Size      Used     Avail    (root)    %Capacity\n"
                               : "        Size         Used        Avail       (root)"
                                 "    %Capacity\n");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        uint64_t n = octets(columns[i], v->frsize);
        if (i != 0)
            buf_put_u8(text, ' ');
        if (is_human)
            put_scaled(text, n);
        else
            buf_printf(text, "%12" PRIu64, n / 1024);
    }
    buf_printf(text, "         %3" PRIu64 "%%\n", share(used, v->blocks));
}

static void
put_inodes(struct buf *text, const struct sftp_msg_ext_statvfs_reply *v)
{
    uint64_t used = v->files > v->ffree ? v->files - v->ffree : 0;
    buf_put_str(text, "     Inodes        Used       Avail      (root)    %Capacity\n");
    buf_printf(text,
               "%11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64 "         %3" PRIu64
               "%%\n",
               v->files, used, v->favail, v->ffree, share(used, v->files));
}

enum exit_status
shell_df(struct shell *sh, const struct shell_call *call)
{
    struct shell_answer answer = {0};
    struct buf text;
    char *path = call->n != 0 ? shell_remote_path(sh, call->words[0]) : strdup(sh->cwd);
    if (!path)
        return shell_no_memory(sh);
    buf_init(&text, SHELL_TEXT_MAX);
    enum exit_status status = EXIT_OK;
    if (!shell_ask(
            sh,
            &(struct transfer_spec){.verb = TRANSFER_STATVFS, .path = bytes_str(path)},
            &answer))
        status = shell_refused(sh, &answer);
    else if (shell_has(call, 'i'))
        put_inodes(&text, &answer.space);
    else
        put_space(&text, &answer.space, shell_has(call, 'h'));
    shell_out(sh, &text);
    shell_answer_clear(&answer);
    free(path);
    return status;
}

/* ---- about the shell ---- */

enum exit_status
shell_version(struct shell *sh, const struct shell_call *call)
{
    struct buf text;
    (void)call;
    buf_init(&text, 256);
    buf_printf(&text, "SFTP protocol version %" PRIu32 "\n",
               sftp_client_version(transfer_client(sh->session.transfer)));
    shell_out(sh, &text);
    return EXIT_OK;
}

enum exit_status
shell_help(struct shell *sh, const struct shell_call *call)
{
    struct buf text;
    buf_init(&text, SHELL_TEXT_MAX);
    const struct shell_row *row = NULL;
    if (call->n != 0 && !(row = shell_row_find(call->words[0])))
        return shell_unknown(sh, call->words[0]);
    if (row)
        shell_put_row_help(&text, row);
    else
        shell_put_help(&text);
    shell_out(sh, &text);
    return EXIT_OK;
}

enum exit_status
shell_progress(struct shell *sh, const struct shell_call *call)
{
    (void)call;
    bool *hides = &sh->session.console.hides_progress;
    *hides = !*hides;
    shell_say(sh, *hides ? "Progress meter disabled" : "Progress meter enabled");
    return EXIT_OK;
}

enum exit_status
shell_bye(struct shell *sh, const struct shell_call *call)
{
    (void)call;
    sh->wants_end = true;
    return EXIT_OK;
}
