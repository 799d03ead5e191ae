/* See line_edit.h. */
#include "cli/line_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buf.h"
#include "cli/interrupt.h"

enum {
    IDLE_MS = 1000,
    HISTORY_LINES = 1000,
    HISTORY_PATH_MAX = 4096,
    LINE_OCTETS_MAX = 65536
};

struct line_edit {
    EditLine *el;
    History *history;
    const char *prompt;
    struct line_idle idle;
    struct buf line;
    char *history_path; /* owned; NULL: none is kept */
};

/* ---- keys ---- */

/* False: a signal came. */
static bool
wait_for_key(const struct line_edit *e)
{
    struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
    int before = interrupt_count();
    for (;;) {
        int n = poll(&key, 1, IDLE_MS);
        if (n > 0)
            return true;
        if (interrupt_count() != before || (n < 0 && errno != EINTR))
            return false;
        if (n == 0)
            e->idle.run(e->idle.ctx);
    }
}

/* libedit's own reader knows nothing of our connection, which wants answers meanwhile. */
static int
read_key(EditLine *el, wchar_t *key)
{
    struct line_edit *e = NULL;
    mbstate_t state = {0};
    char c;
    if (el_get(el, EL_CLIENTDATA, &e) != 0)
        return -1;
    for (;;) {
        if (!wait_for_key(e))
            return -1;
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n <= 0)
            return (int)n;
        size_t used = mbrtowc(key, &c, 1, &state);
        if (used == (size_t)-2)
            continue;
        if (used == (size_t)-1)
            *key = L'?';
        return 1;
    }
}

static char *
show_prompt(EditLine *el)
{
    struct line_edit *e = NULL;
    static char none[] = "";
    if (el_get(el, EL_CLIENTDATA, &e) != 0)
        return none;
    return (char *)(uintptr_t)e->prompt;
}

/* ---- history ---- */

/* Make the directories of path, all but its last component, where they are missing. */
static void
make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700); /* what is missing shows when the file is opened */
        *slash = '/';
    }
}

/* The history's path once it is a file that is only ours; NULL: there is none. */
static char *
history_file(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char path[HISTORY_PATH_MAX];
    int n = -1;
    if (state && state[0] == '/')
        n = snprintf(path, sizeof path, "%s/ferry/history", state);
    else if (home && home[0] == '/')
        n = snprintf(path, sizeof path, "%s/.local/state/ferry/history", home);
    if (n < 0 || (size_t)n >= sizeof path)
        return NULL;
    make_parents(path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat st;
    bool is_ours = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                   st.st_uid == geteuid() && fchmod(fd, 0600) == 0;
    if (fd >= 0)
        close(fd);
    return is_ours ? strdup(path) : NULL;
}

static void
remember(struct line_edit *e, const char *line)
{
    HistEvent ev;
    if (line[0] != '\0' && line[0] != ' ' && line[0] != '\t')
        (void)history(e->history, &ev, H_ENTER, line);
}

/* ---- life ---- */

static bool
prepare(struct line_edit *e)
{
    HistEvent ev;
    e->history = history_init();
    e->el = el_init("ferry", stdin, stdout, stderr);
    if (!e->history || !e->el)
        return false;
    (void)history(e->history, &ev, H_SETSIZE, HISTORY_LINES);
    (void)history(e->history, &ev, H_SETUNIQUE, 1);
    e->history_path = history_file();
    if (e->history_path)
        (void)history(e->history, &ev, H_LOAD, e->history_path); /* empty: an error */
    return el_set(e->el, EL_CLIENTDATA, e) == 0 &&
           el_set(e->el, EL_PROMPT, show_prompt) == 0 &&
           el_set(e->el, EL_EDITOR, "emacs") == 0 &&
           el_set(e->el, EL_HIST, history, e->history) == 0 &&
           el_set(e->el, EL_GETCFN, read_key) == 0;
}

struct line_edit *
line_edit_open(const char *prompt, struct line_idle idle)
{
    struct line_edit *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    (void)setlocale(LC_CTYPE, ""); /* what is typed are characters, not octets */
    e->prompt = prompt;
    e->idle = idle;
    buf_init(&e->line, LINE_OCTETS_MAX);
    if (prepare(e))
        return e;
    line_edit_close(e);
    return NULL;
}

const char *
line_edit_read(struct line_edit *e)
{
    int n = 0, before = interrupt_count();
    const char *typed = el_gets(e->el, &n);
    if (interrupt_count() != before) {
        fputc('\n', stdout);
        return interrupt_is_final() ? NULL : "";
    }
    if (!typed || n <= 0)
        return NULL;
    buf_reset(&e->line);
    buf_put(&e->line, bytes_of(typed, strcspn(typed, "\n")));
    const char *line = buf_cstr(&e->line);
    if (line)
        remember(e, line);
    return line;
}

void
line_edit_close(struct line_edit *e)
{
    HistEvent ev;
    if (!e)
        return;
    if (e->history_path)
        (void)history(e->history, &ev, H_SAVE, e->history_path);
    if (e->el)
        el_end(e->el);
    if (e->history)
        history_end(e->history);
    free(e->history_path);
    buf_clear(&e->line);
    free(e);
}
