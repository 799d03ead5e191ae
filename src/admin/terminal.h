/*
 * A terminal for one full-screen program: its modes, its size, its keys. Plain
 * ANSI (ECMA-48) and xterm's alternate screen, which every terminal of today
 * has. What was set is put back by terminal_leave, also after signals.
 */
#ifndef FERRY_ADMIN_TERMINAL_H
#define FERRY_ADMIN_TERMINAL_H

#include <termios.h>

#include "base/buf.h"

enum terminal_key {
    KEY_NONE = 0,
    /* Printable ones are themselves: 0x20..0x7e. */
    KEY_ENTER = 256,
    KEY_ERASE,
    KEY_ESCAPE,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_END_OF_INPUT,
};

struct terminal {
    struct termios before;
    int signals; /* signalfd of SIGINT, SIGTERM, SIGHUP, SIGWINCH */
};

/* Standard input and output are a terminal. */
bool terminal_is_there(void);

/* Take it over. ERR_IO: nothing was changed. */
enum err terminal_enter(struct terminal *t) MUST_USE;
void terminal_leave(struct terminal *t);

/* Columns and lines; 80 and 24 when nobody knows. */
void terminal_size(int *width, int *height);

/* All of it, or it has gone (ERR_IO). */
enum err terminal_write(struct bytes text) MUST_USE;

enum terminal_news { NEWS_NONE, NEWS_KEYS, NEWS_RESIZED, NEWS_STOP };

/* Wait at most so long for keys, another size, or the wish to end. */
enum terminal_news terminal_wait(const struct terminal *t, int timeout_ms);

/* After NEWS_KEYS: what was typed; how many. KEY_NONE for what has no meaning here. */
size_t terminal_keys(int keys[16]);

#endif
