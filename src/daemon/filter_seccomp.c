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

enum { MONITOR = 1U << SANDBOX_MONITOR, CONNECTION = 1U << SANDBOX_CONNECTION };
enum { BOTH = MONITOR | CONNECTION };

/* Linux 6.6; one number for all architectures, unknown to libseccomp 2.5. */
enum { NR_FCHMODAT2 = 452 };

static const struct {
    int call;
    unsigned roles;
} allowed[] = {
    {SCMP_SYS(read), BOTH},
    {SCMP_SYS(write), BOTH},
    {SCMP_SYS(readv), BOTH},
    {SCMP_SYS(writev), BOTH},
    {SCMP_SYS(poll), BOTH},
    {SCMP_SYS(ppoll), BOTH},
    {SCMP_SYS(close), BOTH},
    {SCMP_SYS(brk), BOTH},
    {SCMP_SYS(munmap), BOTH},
    {SCMP_SYS(mremap), BOTH},
    {SCMP_SYS(madvise), BOTH},
    {SCMP_SYS(futex), BOTH},
    {SCMP_SYS(clock_gettime), BOTH},
    {SCMP_SYS(clock_nanosleep), BOTH},
    {SCMP_SYS(gettimeofday), BOTH},
    {SCMP_SYS(getrandom), BOTH},
    {SCMP_SYS(getpid), BOTH},
    {SCMP_SYS(gettid), BOTH},
    {SCMP_SYS(geteuid), BOTH},
    {SCMP_SYS(sysinfo), BOTH}, /* glibc's qsort asks how much memory there is */
    {SCMP_SYS(rt_sigreturn), BOTH},
    {SCMP_SYS(rt_sigprocmask), BOTH},
    {SCMP_SYS(restart_syscall), BOTH},
    {SCMP_SYS(exit), BOTH},
    {SCMP_SYS(exit_group), BOTH},

    {SCMP_SYS(recvmsg), MONITOR}, /* descriptors of new connections */

    {SCMP_SYS(shutdown), CONNECTION},
    {SCMP_SYS(openat2), CONNECTION},
    {SCMP_SYS(fstat), CONNECTION},
    {SCMP_SYS(newfstatat), CONNECTION},
    {SCMP_SYS(statx), CONNECTION},
    {SCMP_SYS(fstatfs), CONNECTION},
    {SCMP_SYS(lseek), CONNECTION},
    {SCMP_SYS(pread64), CONNECTION},
    {SCMP_SYS(preadv), CONNECTION},
    {SCMP_SYS(preadv2), CONNECTION},
    {SCMP_SYS(pwrite64), CONNECTION},
    {SCMP_SYS(pwritev), CONNECTION},
    {SCMP_SYS(pwritev2), CONNECTION},
    {SCMP_SYS(ftruncate), CONNECTION},
    {SCMP_SYS(fallocate), CONNECTION},
    {SCMP_SYS(fadvise64), CONNECTION},
    {SCMP_SYS(fsync), CONNECTION},
    {SCMP_SYS(fdatasync), CONNECTION},
    {SCMP_SYS(getdents64), CONNECTION},
    {SCMP_SYS(copy_file_range), CONNECTION},
    {SCMP_SYS(fchmod), CONNECTION},
    {SCMP_SYS(fchmodat), CONNECTION},
    {NR_FCHMODAT2, CONNECTION},
    {SCMP_SYS(fchown), CONNECTION},
    {SCMP_SYS(fchownat), CONNECTION},
    {SCMP_SYS(utimensat), CONNECTION},
    {SCMP_SYS(mkdirat), CONNECTION},
    {SCMP_SYS(unlinkat), CONNECTION},
    {SCMP_SYS(renameat), CONNECTION},
    {SCMP_SYS(renameat2), CONNECTION},
    {SCMP_SYS(linkat), CONNECTION},
    {SCMP_SYS(symlinkat), CONNECTION},
    {SCMP_SYS(readlinkat), CONNECTION},
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

/* libseccomp only writes to a descriptor: read the program back from memory. */
static enum err export(scmp_filter_ctx ctx, struct sock_fprog *prog) {
    enum err err = ERR_IO; int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) return ERR_IO;
    off_t size = seccomp_export_bpf(ctx, fd) == 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (size > 0 && size % (off_t)sizeof *prog->filter == 0){
        prog->filter = malloc((size_t)size);
        prog->len = (unsigned short)((size_t)size / sizeof *prog->filter);
        if (!prog->filter) err = ERR_NOMEM;
        else if (pread(fd, prog->filter, (size_t)size, 0) == size) err = ERR_NONE;}
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
        err = export(ctx, prog);
    seccomp_release(ctx);
    if (err != ERR_NONE) {
        free(prog->filter);
        *prog = (struct sock_fprog){0};
    }
    return err;
}
