/* See sandbox.h. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/filter.h"
#include "daemon/landlock.h"

/* AddressSanitizer maps shadow memory of terabytes, opens /proc and starts a
 * process to look for leaks: the filter and the memory limit must stand aside. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

enum { MIB = 1 << 20 };

/* Bounds by role; threats 13. Memory is a backstop behind the engine's own
 * budgets, hence generous. */
static const struct {
    int resource;
    rlim_t limit[SANDBOX_ROLES];
} limits[] = {
    {RLIMIT_CORE, {0, 0, 0}},
    {RLIMIT_NPROC, {0, 0, 0}},
    /* Monitor: two descriptors a connection. Session: 1,024 handles and ours. */
    {RLIMIT_NOFILE, {16384, 16, 1024 + 64}},
    {RLIMIT_FSIZE, {0, 0, RLIM_INFINITY}},
    {RLIMIT_DATA, {256 * MIB, 64 * MIB, 256 * MIB}},
    {RLIMIT_MEMLOCK, {0, 0, 0}},
    {RLIMIT_MSGQUEUE, {0, 0, 0}},
};

void
sandbox_plan_clear(struct sandbox_plan *plan)
{
    for (size_t i = 0; i < SANDBOX_ROLES; i++)
        free(plan->filter[i].filter);
    *plan = (struct sandbox_plan){0};
}

static bool
compile_filters(struct sandbox_plan *plan)
{
    for (size_t i = 0; i < SANDBOX_ROLES; i++)
        if (filter_compile((enum sandbox_role)i, &plan->filter[i]) != ERR_NONE)
            return false;
    return true;
}

enum err
sandbox_prepare(struct sandbox_plan *plan, enum sandbox_policy policy, struct fault *why)
{
    *plan = (struct sandbox_plan){.policy = policy, .landlock_abi = landlock_abi()};
    plan->has_filter = !IS_SANITIZED && compile_filters(plan);
    if (policy != SANDBOX_REQUIRE || (plan->landlock_abi > 0 && plan->has_filter))
        return ERR_NONE;
    fault_set(why, ERR_IO, 0, "--sandbox require: %s",
              plan->has_filter ? "this kernel has no Landlock"
                               : "no system call filter can be made here");
    sandbox_plan_clear(plan);
    return ERR_IO;
}

void
sandbox_describe(const struct sandbox_plan *plan, enum sandbox_role role, struct buf *out)
{
    static const char *const heads[SANDBOX_ROLES] = {
        [SANDBOX_MONITOR] = "walls around the monitor: no files, no network",
        [SANDBOX_PRE_AUTH] = "walls around each connection before its login: no files",
        [SANDBOX_SESSION] = "walls around each session: openat2 beneath its root",
    };
    buf_put_str(out, heads[role]);
    if (plan->landlock_abi > 0)
        buf_printf(out, ", Landlock (ABI %d)", plan->landlock_abi);
    if (plan->has_filter)
        buf_put_str(out, ", seccomp");
    buf_put_str(out, ", limits, no new privileges");
    if (plan->landlock_abi == 0)
        buf_put_str(out, "; missing: Landlock");
    else if (plan->landlock_abi < 2 && role == SANDBOX_SESSION)
        buf_put_str(out, "; this kernel's Landlock forbids renaming between directories");
    if (!plan->has_filter)
        buf_put_str(out, IS_SANITIZED ? "; missing: seccomp (a sanitizer build)"
                                      : "; missing: seccomp");
}

void
sandbox_log(const struct sandbox_plan *plan, const struct log_sink *log)
{
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        struct buf text;
        buf_init(&text, 1024);
        sandbox_describe(plan, (enum sandbox_role)role, &text);
        const char *line = buf_cstr(&text);
        if (line)
            log_line(log, LOG_LEVEL_INFO, "%s", line);
        buf_clear(&text);
    }
}

/* Standard error, where the log may go, is somebody's file. */
static bool
logs_to_file(void)
{
    struct stat st;
    return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
set_limits(enum sandbox_role role)
{
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct rlimit old, new = {limits[i].limit[role], limits[i].limit[role]};
        if (IS_SANITIZED && limits[i].resource == RLIMIT_DATA)
            continue;
        if (limits[i].resource == RLIMIT_FSIZE && logs_to_file())
            continue;
        /* Never ask for more than we were given. */
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &old) == 0 &&
            old.rlim_max < new.rlim_max)
            new.rlim_cur = new.rlim_max = old.rlim_max;
        if (setrlimit((__rlimit_resource_t)limits[i].resource, &new) != 0)
            return false;
    }
    return true;
}

static int
compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Close every descriptor above 2 but those to keep. */
static bool
close_others(const int *keep, size_t n)
{
    int sorted[16];
    unsigned from = 3;
    if (n > ARRAY_LEN(sorted))
        return false;
    for (size_t i = 0; i < n; i++)
        sorted[i] = keep[i];
    qsort(sorted, n, sizeof *sorted, compare_ints);
    for (size_t i = 0; i < n; i++) {
        if (sorted[i] < (int)from)
            continue;
        if ((unsigned)sorted[i] > from &&
            close_range(from, (unsigned)sorted[i] - 1, 0) != 0)
            return false;
        from = (unsigned)sorted[i] + 1;
    }
    return close_range(from, ~0U, 0) == 0;
}

/* The root first, since only root may change it. */
static bool
change_root(const struct sandbox_room *room)
{
    return !room->is_chroot ||
           (fchdir(room->root) == 0 && chroot(".") == 0 && chdir("/") == 0);
}

static bool
is_regained(const struct sandbox_identity *id)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0)
        return true;
    bool is_dropped = r == id->uid && e == id->uid && s == id->uid && rg == id->gid &&
                      eg == id->gid && sg == id->gid;
    return !is_dropped || setresuid(0, 0, 0) == 0 || setuid(0) == 0 || seteuid(0) == 0;
}

/* They go with user 0, unless somebody asked the kernel to keep them. */
static bool
drop_capabilities(void)
{
    struct __user_cap_header_struct self = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &self, none) == 0;
}

static bool
change_identity(const struct sandbox_room *room)
{
    const struct sandbox_identity *id = room->identity;
    if (!id)
        return true;
    if ((id->uid == 0 && room->role != SANDBOX_SESSION) ||
        setgroups(id->n_groups, id->groups) != 0 ||
        setresgid(id->gid, id->gid, id->gid) != 0 ||
        setresuid(id->uid, id->uid, id->uid) != 0)
        return false;
    /* Root itself, whom PermitRootLogin let in, stays what it is. */
    return id->uid == 0 || (drop_capabilities() && !is_regained(id));
}

static bool
install_filter(const struct sock_fprog *filter)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) == 0;
}

enum err
sandbox_enter(const struct sandbox_plan *plan, const struct sandbox_room *room,
              struct fault *why)
{
    const char *wall = NULL;
    if (!change_root(room))
        wall = "changing the root directory";
    else if (!close_others(room->keep, room->n_keep))
        wall = "closing descriptors";
    else if (!change_identity(room))
        wall = "changing user and groups";
    else if (room->role != SANDBOX_SESSION && !drop_capabilities())
        wall = "dropping capabilities";
    /* A change of ids forgets the death signal, hence after it. */
    else if (prctl(PR_SET_PDEATHSIG, room->death_signal, 0, 0, 0) != 0)
        wall = "the parent's death signal";
    else if (!set_limits(room->role))
        wall = "resource limits";
    else if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        wall = "refusing debuggers";
    else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        wall = "no new privileges";
    else if (plan->landlock_abi > 0 &&
             landlock_enter(plan->landlock_abi,
                            room->role == SANDBOX_SESSION ? room->root : -1,
                            room->is_read_only) != ERR_NONE)
        wall = "Landlock";
    else if (plan->has_filter && !install_filter(&plan->filter[room->role]))
        wall = "the system call filter";
    return wall ? fault_errno(why, ERR_IO, errno, "sandbox: %s", wall) : ERR_NONE;
}
