/*
 * Lines typed at a terminal, with libedit's editing and a history that is kept
 * from one session to the next: in ferry/history below the state directory
 * ($XDG_STATE_HOME, else ~/.local/state), for its owner's eyes alone. Lines
 * that begin with a blank are not kept; what is typed at a password prompt
 * never comes here.
 */
#ifndef FERRY_CLI_LINE_EDIT_H
#define FERRY_CLI_LINE_EDIT_H

struct line_edit;

/* Called about once a second while nothing is typed. */
struct line_idle {
    void (*run)(void *ctx);
    void *ctx;
};

/* prompt: borrowed. NULL: the terminal, or memory, is not enough; read plainly. */
struct line_edit *line_edit_open(const char *prompt, struct line_idle idle);

/*
 * The next line, without its end; borrowed until the next call. "" after a Ctrl-C.
 * NULL: the end, or a signal that ends the program.
 */
const char *line_edit_read(struct line_edit *e);

/* Save the history, give the terminal back. NULL allowed. */
void line_edit_close(struct line_edit *e);

#endif
