/*
 * The walls from inside: a child closes them around itself and then tries
 * what must not work (threats S4, S6, P5). Each case runs in its own process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"

enum { REFUSED = 0, DID_IT = 1, NO_WALLS = 2, SETUP_FAILED = 3 };

struct bench {
    struct sandbox_plan plan;
    char root[64];
    int root_fd;
};

static struct bench bench;

static int
set_up(void **state)
{
    struct fault why = {0};
    (void)state;
    strcpy(bench.root, "/tmp/ferry-sandbox-XXXXXX");
    if (!mkdtemp(bench.root))
        return -1;
    bench.root_fd = open(bench.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(bench.root_fd, "file", O_CREAT | O_WRONLY, 0600);
    close(fd);
    return sandbox_prepare(&bench.plan, SANDBOX_BEST_EFFORT, &why) == ERR_NONE ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    unlinkat(bench.root_fd, "file", 0);
    unlinkat(bench.root_fd, "new", 0);
    close(bench.root_fd);
    rmdir(bench.root);
    sandbox_plan_clear(&bench.plan);
    return 0;
}

static long
open_beneath(int dir, const char *name, uint64_t flags)
{
    struct open_how how = {.flags = flags, .mode = (flags & O_CREAT) ? 0600 : 0};
    return syscall(SYS_openat2, dir, name, &how, sizeof how);
}

/* ---- what the child tries ---- */

static bool
try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool
try_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return false;
}

static bool
try_fork(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0;
}

static bool
try_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0;
}

static bool
try_signal(void)
{
    return kill(getppid(), 0) == 0;
}

static bool
try_executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool
try_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno == EFAULT;
}

static bool
try_open(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool
try_openat2_outside(void)
{
    return open_beneath(AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0;
}

static bool
try_proc(void)
{
    return open_beneath(AT_FDCWD, "/proc/self/mem", O_RDWR) >= 0;
}

static bool
try_write_inside(void)
{
    return open_beneath(bench.root_fd, "new", O_CREAT | O_WRONLY) >= 0;
}

static bool
try_read_inside(void)
{
    return open_beneath(bench.root_fd, "file", O_RDONLY) >= 0;
}

/* A device would be a way out; Landlock knows it even for root. */
static bool
try_make_fifo(void)
{
    return mknodat(bench.root_fd, "fifo", S_IFIFO | 0600, 0) == 0;
}

static bool
try_stray_descriptor(void)
{
    return lseek(20, 0, SEEK_CUR) >= 0;
}

/* ---- running it ---- */

enum mode { READ_WRITE, READ_ONLY };

static int
run_inside(enum sandbox_role role, enum mode mode, bool (*attempt)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct sandbox_room room = {
            .role = role,
            .root = role == SANDBOX_SESSION ? bench.root_fd : -1,
            .is_read_only = mode == READ_ONLY,
            .keep = &bench.root_fd,
            .n_keep = 1,
            .death_signal = SIGKILL,
        };
        struct fault why = {0};
        if (dup2(bench.root_fd, 20) < 0 ||
            sandbox_enter(&bench.plan, &room, &why) != ERR_NONE)
            _exit(SETUP_FAILED);
        _exit(attempt() ? DID_IT : REFUSED);
    }
    int status = -1;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
forbidden_calls_kill(void **state)
{
    bool (*const attempts[])(void) = {try_socket,   try_exec,     try_fork,
                                      try_ptrace,   try_signal,   try_executable_memory,
                                      try_io_uring, try_make_fifo};
    (void)state;
    if (!bench.plan.has_filter)
        skip();
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++)
        for (int role = 0; role < SANDBOX_ROLES; role++) {
            int status = run_inside((enum sandbox_role)role, READ_WRITE, attempts[i]);
            assert_true(WIFSIGNALED(status));
            assert_int_equal(WTERMSIG(status), SIGSYS);
        }
}

static void
files_outside_are_refused(void **state)
{
    bool (*const attempts[])(void) = {try_openat2_outside, try_proc};
    (void)state;
    if (bench.plan.landlock_abi == 0)
        skip();
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        int status = run_inside(SANDBOX_SESSION, READ_WRITE, attempts[i]);
        assert_int_equal(status, W_EXITCODE(REFUSED, 0));
    }
}

static void
old_open_is_refused_quietly(void **state)
{
    (void)state;
    if (!bench.plan.has_filter)
        skip();
    assert_int_equal(run_inside(SANDBOX_SESSION, READ_WRITE, try_open),
                     W_EXITCODE(REFUSED, 0));
    assert_int_equal(run_inside(SANDBOX_MONITOR, READ_WRITE, try_open),
                     W_EXITCODE(REFUSED, 0));
}

static void
shared_folder_can_be_used(void **state)
{
    (void)state;
    assert_int_equal(run_inside(SANDBOX_SESSION, READ_WRITE, try_read_inside),
                     W_EXITCODE(DID_IT, 0));
    assert_int_equal(run_inside(SANDBOX_SESSION, READ_WRITE, try_write_inside),
                     W_EXITCODE(DID_IT, 0));
}

static void
read_only_is_a_wall_of_the_kernels(void **state)
{
    (void)state;
    if (bench.plan.landlock_abi == 0)
        skip();
    unlinkat(bench.root_fd, "new", 0);
    assert_int_equal(run_inside(SANDBOX_SESSION, READ_ONLY, try_read_inside),
                     W_EXITCODE(DID_IT, 0));
    assert_int_equal(run_inside(SANDBOX_SESSION, READ_ONLY, try_write_inside),
                     W_EXITCODE(REFUSED, 0));
}

static void
stray_descriptors_are_closed(void **state)
{
    (void)state;
    assert_int_equal(run_inside(SANDBOX_SESSION, READ_WRITE, try_stray_descriptor),
                     W_EXITCODE(REFUSED, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_kill),
        cmocka_unit_test(files_outside_are_refused),
        cmocka_unit_test(old_open_is_refused_quietly),
        cmocka_unit_test(shared_folder_can_be_used),
        cmocka_unit_test(read_only_is_a_wall_of_the_kernels),
        cmocka_unit_test(stray_descriptors_are_closed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
