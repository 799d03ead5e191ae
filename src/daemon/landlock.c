/* See landlock.h. */
#include "daemon/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NR_CREATE_RULESET = 444, NR_ADD_RULE = 445, NR_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

/* Rights to files, in the kernel's bit order. */
enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_CHAR = 1 << 6,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10,
    FS_MAKE_BLOCK = 1 << 11,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
    FS_ABI_1 = (FS_MAKE_SYM << 1) - 1,
    FS_READING = FS_READ_FILE | FS_READ_DIR,
    /* No devices, FIFOs or sockets are made, nothing is executed. */
    FS_CHANGING = FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
                  FS_MAKE_REG | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE,
};
enum { NET_BIND_TCP = 1, NET_CONNECT_TCP = 2, SCOPE_ABSTRACT_UNIX = 1, SCOPE_SIGNAL = 2 };

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* ABI 4 */
    uint64_t scoped;             /* ABI 6 */
};

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int
landlock_abi(void)
{
    long abi = syscall(NR_CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static uint64_t
fs_rights(int abi)
{
    uint64_t rights = FS_ABI_1;
    if (abi >= 2)
        rights |= FS_REFER;
    if (abi >= 3)
        rights |= FS_TRUNCATE;
    if (abi >= 5)
        rights |= FS_IOCTL_DEV;
    return rights;
}

/* A kernel refuses rights that it has never heard of, and a longer struct
 * unless what it doesn't know is zero. */
static struct ruleset_attr
ruleset_of(int abi)
{
    struct ruleset_attr attr = {.handled_access_fs = fs_rights(abi)};
    if (abi >= 4)
        attr.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (abi >= 6)
        attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    return attr;
}

static int
allow_beneath(int ruleset, int abi, int root, bool is_read_only)
{
    uint64_t rights = FS_READING | (is_read_only ? 0U : FS_CHANGING);
    struct path_beneath_attr rule = {.allowed_access = rights & fs_rights(abi),
                                     .parent_fd = root};
    return (int)syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

enum err
landlock_enter(int abi, int root, bool is_read_only)
{
    struct ruleset_attr attr = ruleset_of(abi);
    int ruleset = (int)syscall(NR_CREATE_RULESET, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return ERR_IO;
    bool is_ok = root < 0 || allow_beneath(ruleset, abi, root, is_read_only) == 0;
    is_ok = is_ok && syscall(NR_RESTRICT_SELF, ruleset, 0) == 0;
    int sys_errno = errno;
    close(ruleset);
    errno = sys_errno;
    return is_ok ? ERR_NONE : ERR_IO;
}
