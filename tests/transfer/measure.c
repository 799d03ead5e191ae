/*
 * Times one job against an sftp-server program over pipes:
 *     measure SERVER get|put|ls|rm REMOTE LOCAL [delay_ms]
 * -r and -p are always on. Prints what went wrong, the sums and the seconds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pipe_link.h"

static void
on_event(void *ctx, const struct transfer_event *ev)
{
    (void)ctx;
    if (ev->problem.kind != TRANSFER_OK)
        fprintf(stderr, "event %d: %s\n", (int)ev->type, ev->problem.text);
}

static enum err
no_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x5a, n);
    return ERR_NONE;
}

static enum transfer_verb
verb_of(const char *word)
{
    return strcmp(word, "get") == 0   ? TRANSFER_GET
           : strcmp(word, "put") == 0 ? TRANSFER_PUT
           : strcmp(word, "rm") == 0  ? TRANSFER_REMOVE
                                      : TRANSFER_LIST;
}

int
main(int argc, char **argv)
{
    static struct pipe_link link;
    const struct rand_source rand = {no_random, NULL};
    struct transfer *t;
    uint32_t job;
    if (argc < 5)
        return 2;
    const char *server[] = {argv[1], NULL};
    pipe_link_open(&link, server);
    if (argc > 5)
        link.delay_ms = (uint32_t)atoi(argv[5]);
    struct transfer_config config = {
        .out = &link.stream, .rand = &rand, .sink = {on_event, NULL}};
    struct transfer_spec spec = {.verb = verb_of(argv[2]),
                                 .flags = TRANSFER_RECURSIVE | TRANSFER_PRESERVE,
                                 .path = bytes_str(argv[3]),
                                 .local = argv[4]};
    uint64_t start = pipe_now();
    if (transfer_new(&config, start, &t) != ERR_NONE ||
        transfer_add(t, &spec, &job) != ERR_NONE)
        return 1;
    bool is_done = pipe_run(&link, t, 120 * 1000);
    const struct transfer_totals *sums = transfer_totals(t);
    double seconds = (double)(pipe_now() - start) / 1000;
    printf("%s: %llu of %llu files, %llu octets moved, %.3f s, %.0f MB/s\n",
           is_done ? "done" : "STUCK", (unsigned long long)sums->files_done,
           (unsigned long long)sums->files, (unsigned long long)sums->bytes_moved,
           seconds, seconds > 0 ? (double)sums->bytes_moved / 1e6 / seconds : 0);
    bool is_ok = is_done && sums->files_failed == 0 && sums->dirs_failed == 0;
    transfer_free(t);
    pipe_link_close(&link);
    return is_ok ? 0 : 1;
}
