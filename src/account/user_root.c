/* The root directories of accounts, made when `ferryd user` is asked to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/user_part.h"

enum {
    PARENT_MODE = 0755, /* directories above it: the system's own */
    ROOT_MODE = 0750,
};

/* %u and %%, nothing else: the member's check saw to that. */
static enum err
expand(const char *pattern, const char *name, char path[PATH_MAX], struct fault *why)
{
    struct buf out;
    buf_init(&out, PATH_MAX - 1);
    for (; *pattern; pattern++) {
        if (*pattern != '%')
            buf_put_u8(&out, (uint8_t)*pattern);
        else if (*++pattern == 'u')
            buf_put_str(&out, name);
        else
            buf_put_u8(&out, '%');
    }
    const char *text = buf_err(&out) ? NULL : buf_cstr(&out);
    if (text)
        snprintf(path, PATH_MAX, "%s", text);
    buf_clear(&out);
    return text ? ERR_NONE : fault_set(why, ERR_PROTO, 0, "the root's name is too long");
}

static enum err
make_parents(const char *path, struct fault *why)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, PARENT_MODE) == 0) {
            if (chmod(copy, PARENT_MODE) != 0) /* our umask is narrower */
                return fault_errno(why, ERR_IO, errno, "%.160s", copy);
        } else if (errno != EEXIST) {
            return fault_errno(why, ERR_IO, errno, "cannot make the directory %.160s",
                               copy);
        }
        *slash = '/';
    }
    return ERR_NONE;
}

/* Whose new directories are: whom the sessions run as. */
struct owner {
    int64_t uid, gid;
};

static struct owner
owner_of(const struct user_call *call, const struct account_record *r)
{
    bool has_own = r->uid != ACCOUNT_UNSET;
    return has_own ? (struct owner){r->uid, r->gid}
                   : (struct owner){call->defaults->uid, call->defaults->gid};
}

/* One directory of the account's below `at`; false in *is_made: it was there. */
static enum err
make_owned(int at, const char *path, const struct owner *owner, bool *is_made,
           struct fault *why)
{
    *is_made = mkdirat(at, path, 0700) == 0;
    if (!*is_made)
        return errno == EEXIST ? ERR_NONE
                               : fault_errno(why, ERR_IO, errno,
                                             "cannot make the directory %.160s", path);
    /* What was just made, not what somebody put in its place meanwhile. */
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool has_owner = geteuid() == 0 && (owner->uid > 0 || owner->gid > 0);
    bool is_ok = fd >= 0 && fchmod(fd, ROOT_MODE) == 0;
    if (is_ok && has_owner)
        is_ok = fchown(fd, owner->uid > 0 ? (uid_t)owner->uid : (uid_t)-1,
                       owner->gid > 0 ? (gid_t)owner->gid : (gid_t)-1) == 0;
    int sys_errno = errno;
    if (fd >= 0)
        close(fd);
    return is_ok ? ERR_NONE : fault_errno(why, ERR_IO, sys_errno, "%.160s", path);
}

/* One name of an imported list, part by part; checked: relative, without "..". */
static enum err
make_inside(int root, struct bytes dir, const struct owner *owner, struct fault *why)
{
    char path[PATH_MAX];
    bool is_made;
    snprintf(path, sizeof path, "%.*s", (int)dir.n, (const char *)dir.p);
    for (char *slash = strchr(path, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        enum err err = make_owned(root, path, owner, &is_made, why);
        if (err || !slash)
            return err;
        *slash = '/';
    }
}

enum err
user_make_root(const struct user_call *call, const struct account_record *r,
               const char *dirs, bool *is_made, struct fault *why)
{
    const struct owner owner = owner_of(call, r);
    char path[PATH_MAX];
    struct bytes rest = bytes_str(dirs), dir;
    enum err err = expand(r->root, r->name, path, why);
    if (err == ERR_NONE)
        err = make_parents(path, why);
    if (err == ERR_NONE)
        err = make_owned(AT_FDCWD, path, &owner, is_made, why);
    if (err || !rest.n)
        return err;
    int root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root < 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    while (err == ERR_NONE && bytes_next_item(&rest, &dir))
        err = make_inside(root, dir, &owner, why);
    close(root);
    return err;
}
