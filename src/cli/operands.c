/* See operands.h. */
#include "cli/operands.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status
usage_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("ferry: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return EXIT_USAGE;
}

/* -D: there is no host, so there need be no colon. */
static enum err
parse_one(const struct invocation *inv, const char *text, struct target *t,
          const char **why)
{
    if (!inv->direct || target_is_remote(text))
        return target_parse(text, t, why);
    *t = (struct target){.host = strdup(""), .path = strdup(text)};
    return t->host && t->path ? ERR_NONE : ERR_NOMEM;
}

enum exit_status
operands_parse(struct operands *o, const struct invocation *inv, char *const *texts,
               size_t n)
{
    *o = (struct operands){.inv = inv, .targets = calloc(n, sizeof *o->targets)};
    if (!o->targets)
        return EXIT_LOCAL;
    for (size_t i = 0; i < n; i++) {
        const char *why = "out of memory";
        o->n = i + 1;
        if (parse_one(inv, texts[i], &o->targets[i], &why) != ERR_NONE)
            return usage_error("%s: %s", texts[i], why);
    }
    return EXIT_OK;
}

void
operands_clear(struct operands *o)
{
    for (size_t i = 0; i < o->n; i++)
        target_clear(&o->targets[i]);
    free(o->targets);
    *o = (struct operands){0};
}

/* Is an operand before this one on the same host? Then its session had this one. */
static bool
is_done(const struct operands *o, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (target_is_same_host(&o->targets[i], &o->targets[index]))
            return true;
    return false;
}

enum exit_status
operands_run(const struct operands *o, enum report_direction direction,
             void (*event)(void *ctx, const struct transfer_event *ev), operand_fn *add,
             void *ctx)
{
    enum exit_status first = EXIT_OK;
    for (size_t i = 0; i < o->n; i++) {
        if (is_done(o, i))
            continue;
        struct session s;
        const struct session_config config = {.inv = o->inv,
                                              .target = &o->targets[i],
                                              .direction = direction,
                                              .sink = {event, ctx}};
        enum exit_status status = session_open(&s, &config);
        if (status == EXIT_OK) {
            for (size_t j = i; j < o->n; j++)
                if (target_is_same_host(&o->targets[i], &o->targets[j]))
                    add(&s, o, j, ctx);
            session_run(&s);
            status = session_finish(&s);
        }
        if (first == EXIT_OK)
            first = status;
    }
    return first;
}
