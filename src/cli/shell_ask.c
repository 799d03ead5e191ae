/* What the handlers share: questions, paths and words to the user. See shell.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/shell.h"
#include "cli/shell_words.h"
#include "sftp/names.h"

enum { PATH_TEXT_MAX = 65536 };

/* ---- questions ---- */

bool
shell_ask(struct shell *sh, const struct transfer_spec *spec, struct shell_answer *answer)
{
    struct report *report = &sh->session.report;
    bool was_silent = report->is_silent;
    answer->kind = TRANSFER_LOST;
    answer->why[0] = '\0';
    buf_init(&answer->path, PATH_TEXT_MAX);
    if (sh->session.is_over)
        return false;
    sh->answer = answer;
    report->is_silent = true;
    session_add(&sh->session, spec);
    session_run(&sh->session);
    report->is_silent = was_silent;
    sh->answer = NULL;
    return answer->kind == TRANSFER_OK;
}

void
shell_answer_clear(struct shell_answer *answer)
{
    buf_clear(&answer->path);
}

enum exit_status
shell_refused(struct shell *sh, const struct shell_answer *answer)
{
    if (answer->kind != TRANSFER_CANCELLED && answer->why[0] != '\0')
        console_error(&sh->session.console, "%s", answer->why);
    return exit_status_of(answer->kind);
}

/* ---- words to the user ---- */

enum exit_status
shell_fail(struct shell *sh, enum exit_status status, const char *fmt, ...)
{
    struct buf shown;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_init(&shown, 4 * sizeof text + 1);
    text_escape(&shown, bytes_str(text), 0);
    const char *words = buf_cstr(&shown);
    console_error(&sh->session.console, "%s", words ? words : "out of memory");
    buf_clear(&shown);
    return status;
}

enum exit_status
shell_no_memory(struct shell *sh)
{
    return shell_fail(sh, EXIT_LOCAL, "out of memory");
}

void
shell_say(struct shell *sh, const char *fmt, ...)
{
    struct buf shown;
    char text[2 * SFTP_PATH_MAX + 256];
    if (sh->is_quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_init(&shown, 4 * sizeof text + 1);
    text_escape(&shown, bytes_str(text), 0);
    buf_put_u8(&shown, '\n');
    shell_out(sh, &shown);
}

void
shell_out(struct shell *sh, struct buf *text)
{
    console_out(&sh->session.console, buf_bytes(text));
    buf_clear(text);
}

/* ---- paths ---- */

char *
shell_remote_pattern(const struct shell *sh, const char *word)
{
    struct buf out;
    buf_init(&out, PATH_TEXT_MAX);
    if (word[0] != '/' && word[0] != '~') {
        glob_put_literal(&out, bytes_str(sh->cwd));
        if (sh->cwd[strlen(sh->cwd) - 1] != '/')
            buf_put_u8(&out, '/');
    }
    buf_put_str(&out, word);
    const char *text = buf_cstr(&out);
    char *copy = text ? strdup(text) : NULL;
    buf_clear(&out);
    return copy;
}

char *
shell_remote_path(const struct shell *sh, const char *word)
{
    char *path = shell_remote_pattern(sh, word);
    if (path)
        shell_word_text(path);
    return path;
}

char *
shell_local_path(const char *word)
{
    const char *home =
        word[0] == '~' && (word[1] == '/' || word[1] == '\0') ? getenv("HOME") : NULL;
    struct buf out;
    buf_init(&out, PATH_TEXT_MAX);
    if (home)
        glob_put_literal(&out, bytes_str(home));
    buf_put_str(&out, home ? word + 1 : word);
    const char *text = buf_cstr(&out);
    char *copy = text ? strdup(text) : NULL;
    buf_clear(&out);
    if (copy)
        shell_word_text(copy);
    return copy;
}

void
shell_put_quoted(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (memchr(" \t\r\n\"'\\#*?[", text.p[i], 12) || (i == 0 && text.p[i] == '-'))
            buf_put_u8(out, '\\');
        buf_put_u8(out, text.p[i]);
    }
}

bool
shell_is_directory(struct shell *sh, const char *path)
{
    struct shell_answer answer = {0};
    bool is_dir =
        shell_ask(sh,
                  &(struct transfer_spec){.verb = TRANSFER_STAT, .path = bytes_str(path)},
                  &answer) &&
        S_ISDIR(answer.attrs.permissions);
    shell_answer_clear(&answer);
    return is_dir;
}

/* ---- names by pattern ---- */

static bool
remote_list(void *ctx, const char *dir, struct listing *names)
{
    struct shell_answer answer = {.names = names};
    bool is_ok = shell_ask(ctx,
                           &(struct transfer_spec){.verb = TRANSFER_LIST,
                                                   .path = bytes_str(*dir ? dir : ".")},
                           &answer);
    shell_answer_clear(&answer);
    return is_ok;
}

static bool
remote_look(void *ctx, const char *path, struct sftp_attrs *attrs)
{
    struct shell_answer answer = {0};
    bool is_ok = shell_ask(
        ctx, &(struct transfer_spec){.verb = TRANSFER_LSTAT, .path = bytes_str(path)},
        &answer);
    *attrs = answer.attrs;
    shell_answer_clear(&answer);
    return is_ok;
}

struct glob_source
shell_glob_remote(struct shell *sh)
{
    return (struct glob_source){remote_list, remote_look, sh};
}

static enum exit_status
expand(struct shell *sh, const struct glob_source *source, const char *pattern,
       struct listing *found)
{
    enum err e = glob_expand(source, pattern, found);
    if (e == ERR_LIMIT)
        return shell_fail(sh, EXIT_LOCAL, "%s: too many names", pattern);
    if (e != ERR_NONE)
        return shell_no_memory(sh);
    return EXIT_OK;
}

/* "File not found", about a word as it was meant. */
static enum exit_status
say_not_found(struct shell *sh, char *pattern)
{
    shell_word_text(pattern);
    return shell_fail(sh, EXIT_NOT_FOUND, "File \"%s\" not found.", pattern);
}

static enum exit_status
take_literal(struct shell *sh, char *pattern, struct listing *found)
{
    const struct sftp_attrs unknown = {0};
    shell_word_text(pattern);
    return listing_add(found, bytes_str(pattern), &unknown) == ERR_NONE
               ? EXIT_OK
               : shell_no_memory(sh);
}

enum exit_status
shell_expand_remote(struct shell *sh, const char *word, enum shell_none none,
                    struct listing *found)
{
    char *pattern = shell_remote_pattern(sh, word);
    if (!pattern)
        return shell_no_memory(sh);
    const struct glob_source source = shell_glob_remote(sh);
    enum exit_status status = EXIT_OK;
    if (none == SHELL_NONE_FAILS || glob_is_pattern(bytes_str(pattern)))
        status = expand(sh, &source, pattern, found);
    if (status == EXIT_OK && found->n == 0)
        status = none == SHELL_NONE_FAILS ? say_not_found(sh, pattern)
                                          : take_literal(sh, pattern, found);
    free(pattern);
    return status;
}

enum exit_status
shell_expand_local(struct shell *sh, const char *word, struct listing *found)
{
    char *pattern = strdup(word);
    if (!pattern)
        return shell_no_memory(sh);
    enum exit_status status;
    if (glob_is_pattern(bytes_str(pattern))) {
        status = expand(sh, &glob_local, pattern, found);
    } else {
        char *path = shell_local_path(word);
        struct sftp_attrs attrs = {0};
        bool is_there = path && glob_local.look(NULL, path, &attrs);
        status = path ? EXIT_OK : shell_no_memory(sh);
        if (is_there && listing_add(found, bytes_str(path), &attrs) != ERR_NONE)
            status = shell_no_memory(sh);
        free(path);
    }
    if (status == EXIT_OK && found->n == 0)
        status = say_not_found(sh, pattern);
    free(pattern);
    return status;
}
