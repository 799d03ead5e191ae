/*
 * Writes doc/ferryd.conf.5: a hand-written frame, in which one line is replaced
 * by the keywords of the table. `server_manual FRAME` prints the page;
 * `server_manual FRAME PAGE` says whether PAGE is what it would print.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/server_config.h"

enum { PAGE_MAX = 1 << 20 }; /* octets */

/* The line of the frame that the keywords replace. */
static const char place[] = ".\\\" KEYWORDS\n";

static bool
read_whole(const char *path, struct buf *out)
{
    char chunk[4096];
    size_t n;
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return false;
    }
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_put(out, bytes_of(chunk, n));
    fclose(file);
    return buf_err(out) == ERR_NONE;
}

static bool
write_page(struct buf *frame, struct buf *page)
{
    const char *text = buf_cstr(frame);
    const char *at = text ? strstr(text, place) : NULL;
    if (!at) {
        fprintf(stderr, "the frame has no line for the keywords\n");
        return false;
    }
    buf_put(page, bytes_of(text, (size_t)(at - text)));
    server_options_manual(page);
    buf_put_str(page, at + sizeof place - 1);
    return buf_err(page) == ERR_NONE;
}

static bool
is_up_to_date(const char *path, const struct buf *page)
{
    struct buf committed;
    buf_init(&committed, PAGE_MAX);
    bool is_same =
        read_whole(path, &committed) && bytes_eq(buf_bytes(&committed), buf_bytes(page));
    buf_clear(&committed);
    if (!is_same)
        fprintf(stderr, "%s is not what the table says; server_manual FRAME >%s\n", path,
                path);
    return is_same;
}

int
main(int argc, char **argv)
{
    struct buf frame, page;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: server_manual FRAME [PAGE]\n");
        return 2;
    }
    buf_init(&frame, PAGE_MAX);
    buf_init(&page, PAGE_MAX);
    bool is_ok = read_whole(argv[1], &frame) && write_page(&frame, &page);
    if (is_ok && argc == 3)
        is_ok = is_up_to_date(argv[2], &page);
    else if (is_ok)
        is_ok = fwrite(page.p, 1, page.n, stdout) == page.n && fflush(stdout) == 0;
    buf_clear(&frame);
    buf_clear(&page);
    return is_ok ? 0 : 1;
}
