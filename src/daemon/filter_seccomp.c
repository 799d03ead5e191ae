/*
 * See filter.h. The filters of threats section 12: whatever is not listed
 * kills the process. Only the architecture that we run on is let in.
 *
 * Arguments are looked at where a call could do something quite different:
 * memory is never executable and never a file, fcntl neither locks nor sends
 * signals, openat2 is the only door to files (its flags and paths are out of a
 * filter's sight: RESOLVE_BENEATH and Landlock stand behind it).
 */
#include "daemon/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MONITOR = 1U << SANDBOX_MONITOR,
    PRE_AUTH = 1U << SANDBOX_PRE_AUTH,
    SESSION = 1U << SANDBOX_SESSION,
    ALL = MONITOR | PRE_AUTH | SESSION,
    PEER = PRE_AUTH | SESSION,
};

/* Linux 6.6; one number for all architectures, unknown to libseccomp 2.5. */
enum { NR_FCHMODAT2 = 452 };

static const struct {
    int call;
    unsigned roles;
} allowed[] = {
    {SCMP_SYS(read), ALL},
    {SCMP_SYS(write), ALL},
    {SCMP_SYS(readv), ALL},
    {SCMP_SYS(writev), ALL},
    {SCMP_SYS(poll), ALL},
    {SCMP_SYS(ppoll), ALL},
    {SCMP_SYS(close), ALL},
    {SCMP_SYS(brk), ALL},
    {SCMP_SYS(munmap), ALL},
    {SCMP_SYS(mremap), ALL},
    {SCMP_SYS(madvise), ALL},
    {SCMP_SYS(futex), ALL},
    {SCMP_SYS(clock_gettime), ALL},
    {SCMP_SYS(clock_nanosleep), ALL},
    {SCMP_SYS(gettimeofday), ALL},
    {SCMP_SYS(getrandom), ALL},
    {SCMP_SYS(getpid), ALL},
    {SCMP_SYS(gettid), ALL},
    {SCMP_SYS(geteuid), ALL},
    {SCMP_SYS(sysinfo), ALL}, /* glibc's qsort asks how much memory there is */
    {SCMP_SYS(rt_sigreturn), ALL},
    {SCMP_SYS(rt_sigprocmask), ALL},
    {SCMP_SYS(restart_syscall), ALL},
    {SCMP_SYS(exit), ALL},
    {SCMP_SYS(exit_group), ALL},

    {SCMP_SYS(epoll_wait), MONITOR},
    {SCMP_SYS(epoll_pwait), MONITOR},
    {SCMP_SYS(epoll_ctl), MONITOR},
    {SCMP_SYS(recvmsg), MONITOR}, /* descriptors of new connections */
    {SCMP_SYS(recvfrom), ALL},    /* the links between our processes */
    {SCMP_SYS(sendto), ALL},

    {SCMP_SYS(shutdown), PEER},
    {SCMP_SYS(openat2), SESSION},
    {SCMP_SYS(fstat), SESSION},
    {SCMP_SYS(newfstatat), SESSION},
    {SCMP_SYS(statx), SESSION},
    {SCMP_SYS(fstatfs), SESSION},
    {SCMP_SYS(lseek), SESSION},
    {SCMP_SYS(pread64), SESSION},
    {SCMP_SYS(preadv), SESSION},
    {SCMP_SYS(preadv2), SESSION},
    {SCMP_SYS(pwrite64), SESSION},
    {SCMP_SYS(pwritev), SESSION},
    {SCMP_SYS(pwritev2), SESSION},
    {SCMP_SYS(ftruncate), SESSION},
    {SCMP_SYS(fallocate), SESSION},
    {SCMP_SYS(fadvise64), SESSION},
    {SCMP_SYS(fsync), SESSION},
    {SCMP_SYS(fdatasync), SESSION},
    {SCMP_SYS(getdents64), SESSION},
    {SCMP_SYS(copy_file_range), SESSION},
    {SCMP_SYS(fchmod), SESSION},
    {SCMP_SYS(fchmodat), SESSION},
    {NR_FCHMODAT2, SESSION},
    {SCMP_SYS(fchown), SESSION},
    {SCMP_SYS(fchownat), SESSION},
    {SCMP_SYS(utimensat), SESSION},
    {SCMP_SYS(mkdirat), SESSION},
    {SCMP_SYS(unlinkat), SESSION},
    {SCMP_SYS(renameat), SESSION},
    {SCMP_SYS(renameat2), SESSION},
    {SCMP_SYS(linkat), SESSION},
    {SCMP_SYS(symlinkat), SESSION},
    {SCMP_SYS(readlinkat), SESSION},
};

/* Libraries try these and cope with a refusal; the peer cannot cause them. */
static const int refused[] = {
    SCMP_SYS(open),   SCMP_SYS(openat),    SCMP_SYS(creat),       SCMP_SYS(stat),
    SCMP_SYS(lstat),  SCMP_SYS(access),    SCMP_SYS(faccessat),   SCMP_SYS(faccessat2),
    SCMP_SYS(statfs), SCMP_SYS(readlink),  SCMP_SYS(ioctl),       SCMP_SYS(uname),
    SCMP_SYS(getcwd), SCMP_SYS(prlimit64), SCMP_SYS(sched_yield),
};

static const int allowed_fcntl[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC};

static int
add_memory_rules(scmp_filter_ctx ctx)
{
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_PRIVATE,
                                      MAP_ANONYMOUS | MAP_PRIVATE));
    return rc ? rc
              : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* The command is an int: the register's upper half may hold anything. */
static int
add_fcntl_rule(scmp_filter_ctx ctx, unsigned command)
{
    const struct scmp_arg_cmp is_command = {
        .arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = command};
    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &is_command);
}

static int
add_rules(scmp_filter_ctx ctx, enum sandbox_role role)
{
    int rc = add_memory_rules(ctx);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(allowed); i++)
        if (allowed[i].roles & (1U << role))
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i].call, 0);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(allowed_fcntl); i++)
        rc = add_fcntl_rule(ctx, (unsigned)allowed_fcntl[i]);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(refused); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    return rc;
}

/* Read a filter's program from the descriptor it was exported to. */
static enum err
read_program(int fd, struct sock_fprog *prog)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || size % (off_t)sizeof *prog->filter != 0)
        return ERR_IO;
    prog->filter = malloc((size_t)size);
    prog->len = (unsigned short)((size_t)size / sizeof *prog->filter);
    if (!prog->filter)
        return ERR_NOMEM;
    return pread(fd, prog->filter, (size_t)size, 0) == size ? ERR_NONE : ERR_IO;
}

/* libseccomp writes to descriptors only, so it gets one that is memory. */
static enum err
export_program(scmp_filter_ctx ctx, struct sock_fprog *prog)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err err = seccomp_export_bpf(ctx, fd) == 0 ? read_program(fd, prog) : ERR_IO;
    close(fd);
    return err;
}

enum err
filter_compile(enum sandbox_role role, struct sock_fprog *prog)
{
    *prog = (struct sock_fprog){0};
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return ERR_NOMEM;
    enum err err = ERR_IO;
    /* 2: a binary tree, so that the last of some sixty calls is found in six steps. */
    if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
        add_rules(ctx, role) == 0)
        err = export_program(ctx, prog);
    seccomp_release(ctx);
    if (err != ERR_NONE) {
        free(prog->filter);
        *prog = (struct sock_fprog){0};
    }
    return err;
}
