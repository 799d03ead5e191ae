/*
 * The walls around a process before it touches a peer's first octet: no new
 * privileges, no core, no debugger, few descriptors, Landlock around the
 * shared folder, a system call filter (threats sections 8 and 12).
 *
 * What the kernel cannot give is left out and told, or refused with
 * SANDBOX_REQUIRE. Two steps, so that a connection's process pays only for the
 * second: the plan is prepared once, by the process that forks.
 */
#ifndef FERRY_DAEMON_SANDBOX_H
#define FERRY_DAEMON_SANDBOX_H

#include <linux/filter.h>

#include "daemon/options.h"

enum sandbox_role {
    SANDBOX_MONITOR,    /* keys and verdicts: no files at all */
    SANDBOX_CONNECTION, /* a peer: the shared folder and nothing else */
    SANDBOX_ROLES
};

struct sandbox_plan {
    enum sandbox_policy policy;
    int landlock_abi; /* 0: the kernel has none */
    bool has_filter;
    struct sock_fprog filter[SANDBOX_ROLES]; /* owned */
};

/* Look at the kernel and compile the filters. ERR_IO: a wall is missing and
 * the policy requires it. */
enum err sandbox_prepare(struct sandbox_plan *plan, enum sandbox_policy policy,
                         struct fault *why) MUST_USE;
void sandbox_plan_clear(struct sandbox_plan *plan);

/* One sentence about the walls that will stand, for the log. */
void sandbox_describe(const struct sandbox_plan *plan, struct buf *out);

struct sandbox_room {
    enum sandbox_role role;
    int root; /* CONNECTION: descriptor of the shared folder */
    bool is_read_only;
    const int *keep; /* descriptors to keep besides 0, 1 and 2; ascending or not */
    size_t n_keep;
    int death_signal; /* sent to us when our parent dies */
};

/*
 * Close the walls around the calling process; they stay for its life.
 * ERR_IO: one of them failed to close: leave.
 */
enum err sandbox_enter(const struct sandbox_plan *plan, const struct sandbox_room *room,
                       struct fault *why) MUST_USE;

#endif
