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
#include <sys/types.h>

#include "base/log.h"
#include "daemon/options.h"

enum sandbox_role {
    SANDBOX_MONITOR,  /* keys and verdicts: no files at all */
    SANDBOX_PRE_AUTH, /* a peer who is nobody yet: no files at all */
    SANDBOX_SESSION,  /* a peer who has logged in: the account's files, nothing else */
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

/* Append one line about the walls that stand around a role, for the log. */
void sandbox_describe(const struct sandbox_plan *plan, enum sandbox_role role,
                      struct buf *out);

/* The lines of all roles, as a daemon says them when it starts. */
void sandbox_log(const struct sandbox_plan *plan, const struct log_sink *log);

/* Whom to become. The supplementary groups are exactly these. */
struct sandbox_identity {
    uid_t uid; /* 0: a session of root itself, no other role; nothing is dropped then */
    gid_t gid;
    const gid_t *groups;
    size_t n_groups;
};

struct sandbox_room {
    enum sandbox_role role;
    /* SESSION: descriptor of the account's root; files beneath it stay in reach.
     * PRE_AUTH with is_chroot: of the empty directory. -1: none. */
    int root;
    bool is_chroot; /* change the process's root to it; needs to be root */
    bool is_read_only;
    const struct sandbox_identity *identity; /* NULL: stay who we are */
    const int *keep; /* descriptors to keep besides 0, 1 and 2; ascending or not */
    size_t n_keep;
    int death_signal; /* sent to us when our parent dies */
};

/*
 * Close the walls around the calling process; they stay for its life. Ids are
 * dropped in the order groups, group, user, and it is proved that they cannot
 * be had again (threats S5).
 * ERR_IO: one of them failed to close: leave.
 */
enum err sandbox_enter(const struct sandbox_plan *plan, const struct sandbox_room *room,
                       struct fault *why) MUST_USE;

#endif
