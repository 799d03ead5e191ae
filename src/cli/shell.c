/* The shell's loop: a line, its row, its status. See shell.h. */
#include "cli/shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/line_edit.h"
#include "cli/operands.h"
#include "cli/shell_words.h"
#include "config/nearest.h"

static const char prompt[] = "sftp> ";

/* ---- events ---- */

static void
take_answer(struct shell_answer *a, const struct transfer_event *ev)
{
    switch (ev->type) {
    case TRANSFER_EV_ENTRY:
        a->attrs = ev->entry.attrs;
        if (a->names &&
            listing_add(a->names, ev->entry.filename, &ev->entry.attrs) != ERR_NONE)
            a->is_cut = true;
        return;
    case TRANSFER_EV_PATH:
        buf_put(&a->path, ev->result);
        return;
    case TRANSFER_EV_STATVFS:
        a->space = *ev->statvfs;
        return;
    case TRANSFER_EV_JOB_DONE:
        a->kind = a->is_cut ? TRANSFER_LOCAL : ev->problem.kind;
        snprintf(a->why, sizeof a->why, "%s",
                 a->is_cut          ? "the listing does not fit into memory"
                 : ev->problem.text ? ev->problem.text
                                    : "");
        return;
    default:
        return;
    }
}

static void
on_event(void *ctx, const struct transfer_event *ev)
{
    struct shell *sh = ctx;
    if (sh->answer)
        take_answer(sh->answer, ev);
}

bool
shell_is_stopped(const struct shell *sh)
{
    return sh->session.is_over || interrupt_count() != sh->session.signals_before;
}

/* ---- one line ---- */

bool
shell_has(const struct shell_call *call, char letter)
{
    return (call->options & UINT64_C(1) << (letter & 63)) != 0;
}

enum exit_status
shell_unknown(struct shell *sh, const char *name)
{
    struct nearest n;
    nearest_begin(&n, name);
    for (const struct shell_row *row = shell_rows; row->names[0]; row++)
        for (size_t i = 0; i < ARRAY_LEN(row->names) && row->names[i]; i++)
            nearest_offer(&n, row->names[i]);
    if (n.best)
        return shell_fail(sh, EXIT_USAGE, "Invalid command: %s (did you mean %s?)", name,
                          n.best);
    return shell_fail(sh, EXIT_USAGE, "Invalid command: %s", name);
}

/* Leading "-abc" words; "--" ends them. Options stand before operands. */
static enum exit_status
take_options(struct shell *sh, struct shell_call *call)
{
    const char *name = call->row->names[0];
    while (call->n != 0 && call->words[0][0] == '-' && call->words[0][1] != '\0') {
        const char *letters = call->words[0] + 1;
        call->words++;
        call->n--;
        if (strcmp(letters, "-") == 0)
            return EXIT_OK;
        for (; *letters; letters++) {
            if (!strchr(call->row->options, *letters))
                return shell_fail(sh, EXIT_USAGE, "%s: Invalid flag -%c", name, *letters);
            call->options |= UINT64_C(1) << (*letters & 63);
        }
    }
    return EXIT_OK;
}

static enum exit_status
check_operands(struct shell *sh, const struct shell_call *call)
{
    const struct shell_row *row = call->row;
    if (call->n < row->least)
        return shell_fail(sh, EXIT_USAGE, "%s: operands are missing: %s", row->names[0],
                          row->operands);
    if (call->n > row->most)
        return shell_fail(sh, EXIT_USAGE, "%s: too many operands", row->names[0]);
    return EXIT_OK;
}

static enum exit_status
run_call(struct shell *sh, struct shell_call *call)
{
    enum exit_status status = EXIT_OK;
    if (call->row->options)
        status = take_options(sh, call);
    if (status == EXIT_OK && call->row->options)
        status = check_operands(sh, call);
    return status == EXIT_OK ? call->row->run(sh, call) : status;
}

static enum exit_status
run_words(struct shell *sh, const struct shell_words *w, const char *line)
{
    char *words[SHELL_WORDS_MAX];
    for (size_t i = 0; i < w->n; i++)
        words[i] = (char *)w->text.p + w->starts[i];
    struct shell_call call = {.row = shell_row_find(words[0]), .words = words + 1};
    call.n = w->n - 1;
    call.rest = line + strcspn(line, " \t");
    call.rest += strspn(call.rest, " \t");
    return call.row ? run_call(sh, &call) : shell_unknown(sh, words[0]);
}

static enum exit_status
run_split(struct shell *sh, const char *line)
{
    struct shell_words w;
    enum exit_status status = EXIT_OK;
    shell_words_init(&w);
    enum err e = shell_words_split(&w, line);
    if (e == ERR_LIMIT)
        status = shell_fail(sh, EXIT_USAGE, "the line is too long");
    else if (e != ERR_NONE)
        status = shell_no_memory(sh);
    else if (w.open_quote)
        status = shell_fail(sh, EXIT_USAGE, "Unterminated quoted argument");
    else if (w.n != 0)
        status = run_words(sh, &w, line);
    shell_words_clear(&w);
    return status;
}

/* "!" needs no blank behind it, and its line is not ours to split. */
static enum exit_status
run_escape(struct shell *sh, const char *line)
{
    struct shell_call call = {.row = shell_row_find("!"), .rest = line + 1};
    call.rest += strspn(call.rest, " \t");
    return call.row->run(sh, &call);
}

enum exit_status
shell_run_line(struct shell *sh, const char *line)
{
    line += strspn(line, " \t");
    session_renew(&sh->session, REPORT_NO_FILES);
    enum exit_status said = *line == '!' ? run_escape(sh, line) : run_split(sh, line);
    enum exit_status status = session_conclude(&sh->session);
    if (sh->session.console.out_errno == 0 && fflush(stdout) != 0)
        sh->session.console.out_errno = errno;
    return said != EXIT_OK ? said : status;
}

/* ---- lines ---- */

struct source {
    struct line_edit *edit; /* NULL: read plainly */
    FILE *file;
    char *line; /* owned */
    size_t cap;
};

/* The next line without its end; NULL: no more. */
static const char *
read_line(struct shell *sh, struct source *in)
{
    if (in->edit)
        return line_edit_read(in->edit);
    if (sh->is_terminal) {
        fputs(prompt, stdout);
        (void)fflush(stdout);
    }
    int before = interrupt_count();
    ssize_t n = getline(&in->line, &in->cap, in->file);
    if (n < 0 && sh->is_terminal && interrupt_count() != before &&
        !interrupt_is_final()) {
        clearerr(in->file); /* Ctrl-C: an empty line, and a new prompt */
        fputc('\n', stdout);
        return "";
    }
    if (n < 0)
        return NULL;
    if (n > 0 && in->line[n - 1] == '\n')
        in->line[n - 1] = '\0';
    return in->line;
}

struct prefixes {
    bool ignores_failure, is_unechoed;
};

/* "-" before a command: its failure does not matter; "@": it is not echoed. Either
 * order, blanks between. */
static const char *
take_prefixes(const char *line, struct prefixes *p)
{
    for (line += strspn(line, " \t"); *line == '-' || *line == '@';
         line += strspn(line, " \t")) {
        p->ignores_failure = p->ignores_failure || *line == '-';
        p->is_unechoed = p->is_unechoed || *line == '@';
        line++;
    }
    return line;
}

static void
echo(struct shell *sh, const char *line)
{
    struct buf text;
    buf_init(&text, SHELL_TEXT_MAX);
    buf_put_str(&text, prompt);
    text_escape(&text, bytes_str(line), 0);
    buf_put_u8(&text, '\n');
    shell_out(sh, &text);
}

/* False: the shell ends. *status: of the whole, so far. */
static bool
run_next(struct shell *sh, const char *line, enum exit_status *status)
{
    struct prefixes p = {0};
    const char *command = take_prefixes(line, &p);
    if (!sh->is_terminal && !p.is_unechoed)
        echo(sh, line);
    enum exit_status one = shell_run_line(sh, command);
    if (sh->session.is_over || interrupt_is_final()) {
        *status = sh->session.is_over ? EXIT_LOST : EXIT_INTERRUPTED;
        return false;
    }
    if (one != EXIT_OK && !p.ignores_failure && !sh->is_terminal && *status == EXIT_OK)
        *status = one;
    if (one != EXIT_OK && !p.ignores_failure && sh->is_batch)
        return false;
    return !sh->wants_end && (sh->is_terminal || one != EXIT_INTERRUPTED);
}

/* While the user thinks, the server may want to hear from us. */
static void
on_idle(void *ctx)
{
    struct shell *sh = ctx;
    session_breathe(&sh->session);
}

static enum exit_status
run_lines(struct shell *sh, FILE *file)
{
    struct source in = {.file = file};
    if (sh->is_terminal && isatty(STDOUT_FILENO) == 1)
        in.edit = line_edit_open(prompt, (struct line_idle){on_idle, sh});
    enum exit_status status = EXIT_OK;
    const char *line;
    while ((line = read_line(sh, &in)) != NULL && run_next(sh, line, &status))
        continue;
    line_edit_close(in.edit);
    free(in.line);
    return status;
}

/* ---- beginning ---- */

static bool
find_start(struct shell *sh)
{
    struct shell_answer answer = {0};
    bool is_ok = shell_ask(
        sh, &(struct transfer_spec){.verb = TRANSFER_REALPATH, .path = BYTES_LIT(".")},
        &answer);
    const char *path = is_ok ? buf_cstr(&answer.path) : NULL;
    if (path && *path) {
        sh->start = strdup(path);
        sh->cwd = strdup(path);
    }
    if (!is_ok)
        (void)shell_refused(sh, &answer);
    shell_answer_clear(&answer);
    return sh->start && sh->cwd;
}

/* `host:path`: a directory is changed to, a file is fetched, and that is all. */
static bool
take_path(struct shell *sh, const struct target *target, enum exit_status *status)
{
    struct buf line;
    char *path = shell_remote_path(sh, target->path);
    bool is_dir = path && shell_is_directory(sh, path);
    const struct invocation *inv = sh->inv;
    buf_init(&line, SHELL_TEXT_MAX);
    buf_put_str(&line, is_dir ? "cd " : "get ");
    shell_put_quoted(&line, bytes_str(target->path));
    if (!is_dir && inv->n_operands > 1) {
        buf_put_u8(&line, ' ');
        shell_put_quoted(&line, bytes_str(inv->operands[1]));
    }
    if (is_dir && !sh->is_quiet)
        fprintf(stderr, "Changing to: %s\n", path);
    const char *text = buf_cstr(&line);
    sh->has_one_file = !is_dir;
    *status = text && path ? shell_run_line(sh, text) : shell_no_memory(sh);
    buf_clear(&line);
    free(path);
    return is_dir && *status == EXIT_OK;
}

static void
greet(const struct shell *sh, const struct target *target)
{
    if (sh->is_quiet)
        return;
    if (sh->inv->direct)
        fprintf(stderr, "Attached to %s.\n", sh->inv->direct);
    else
        fprintf(stderr, "Connected to %s.\n", target->host);
}

static enum exit_status
run_session(struct shell *sh, const struct target *target, FILE *file)
{
    enum exit_status status = EXIT_OK;
    session_renew(&sh->session, REPORT_NO_FILES);
    if (!find_start(sh)) {
        console_error(&sh->session.console, "the directory after login is not known");
        return EXIT_LOST;
    }
    greet(sh, target);
    if (target->path[0] != '\0' && !take_path(sh, target, &status))
        return status;
    return run_lines(sh, file);
}

static FILE *
open_lines(const struct invocation *inv)
{
    if (!inv->batch_file || strcmp(inv->batch_file, "-") == 0)
        return stdin;
    FILE *file = fopen(inv->batch_file, "re");
    if (!file)
        fprintf(stderr, "ferry: %s: %s\n", inv->batch_file, strerror(errno));
    return file;
}

static enum exit_status
connect_and_run(struct shell *sh, const struct target *target, FILE *file)
{
    const struct session_config config = {.inv = sh->inv,
                                          .target = target,
                                          .direction = REPORT_NO_FILES,
                                          .sink = {on_event, sh}};
    enum exit_status status = session_open(&sh->session, &config);
    if (status != EXIT_OK)
        return sh->inv->is_sftp ? EXIT_SFTP_CONNECT : status;
    sh->session.console.hides_progress = sh->is_batch;
    status = run_session(sh, target, file);
    session_renew(&sh->session, REPORT_NO_FILES);
    enum exit_status last = session_finish(&sh->session);
    free(sh->cwd);
    free(sh->start);
    return status == EXIT_OK && !sh->session.is_over ? last : status;
}

/* sftp(1) knows two: a batch that failed, and all else. */
static enum exit_status
as_sftp(const struct shell *sh, enum exit_status status)
{
    if (!sh->inv->is_sftp || status == EXIT_OK || status == EXIT_SFTP_CONNECT)
        return status;
    bool counts = sh->is_batch || status == EXIT_LOST || status == EXIT_INTERRUPTED ||
                  sh->has_one_file;
    return counts ? EXIT_SOME_FAILED : EXIT_OK;
}

enum exit_status
cmd_shell(const struct invocation *inv)
{
    struct operands o = {0};
    char *none[] = {(char[]){""}};
    struct shell sh = {.inv = inv,
                       .is_batch = inv->batch_file != NULL,
                       .is_quiet = inv->is_quiet || (inv->batch_file && !inv->is_noisy)};
    sh.is_terminal = !sh.is_batch && isatty(STDIN_FILENO) == 1;
    if (inv->n_operands == 0 && !inv->direct)
        return usage_error("a host is missing: %s", shell_command.operands);
    FILE *file = open_lines(inv);
    if (!file)
        return EXIT_USAGE;
    enum exit_status status = inv->direct ? operands_parse(&o, inv, none, 1)
                                          : operands_parse(&o, inv, inv->operands, 1);
    if (status == EXIT_OK)
        status = as_sftp(&sh, connect_and_run(&sh, &o.targets[0], file));
    operands_clear(&o);
    if (file != stdin)
        (void)fclose(file);
    return status;
}
