/*
 * Operands that name remote places, and the walk over them: one session for
 * each host, all of its operands as jobs of that session.
 */
#ifndef FERRY_CLI_OPERANDS_H
#define FERRY_CLI_OPERANDS_H

#include "cli/session.h"

struct operands {
    const struct invocation *inv;
    struct target *targets; /* n */
    size_t n;
};

/*
 * Parse texts[0..n) as remote places. With -D a text without a colon is a path.
 * EXIT_OK; else what is wrong has been said on standard error. operands_clear
 * after use in any case.
 */
enum exit_status operands_parse(struct operands *o, const struct invocation *inv,
                                char *const *texts, size_t n);
void operands_clear(struct operands *o);

/* Called for every operand of a session's host; adds its jobs. index: into targets. */
typedef void
operand_fn(struct session *s, const struct operands *o, size_t index, void *ctx);

/*
 * Open a session for each host, call add for its operands, run, finish. ctx goes to
 * add and to the sink. The first status that is not EXIT_OK is returned.
 */
enum exit_status operands_run(const struct operands *o, enum report_direction direction,
                              void (*event)(void *ctx, const struct transfer_event *ev),
                              operand_fn *add, void *ctx);

/* A message and EXIT_USAGE. */
enum exit_status usage_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
