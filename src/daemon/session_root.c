/* See session_root.h. */
#include "daemon/session_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err
check_component(int fd, const char *path, size_t len, struct fault *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    if (st.st_uid == 0 && (st.st_mode & 022) == 0)
        return ERR_NONE;
    return fault_set(why, ERR_AUTH, 0,
                     "ChrootDirectory: \"%.*s\" must belong to root and nobody else may "
                     "write to it",
                     (int)(len < 160 ? len : 160), path);
}

/* The next component of *at into name; false: there is none. */
static bool
next_component(const char **at, char name[NAME_MAX + 1])
{
    *at += strspn(*at, "/");
    size_t n = strcspn(*at, "/");
    if (n == 0 || n > NAME_MAX)
        return false;
    memcpy(name, *at, n);
    name[n] = 0;
    *at += n;
    return true;
}

/* Each directory from "/" down, one opened in the other, so that what was looked at
 * is what is used. */
static enum err
open_checked(const char *path, int *root, struct fault *why)
{
    char name[NAME_MAX + 1];
    const char *at = path;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    enum err err = check_component(fd, "/", 1, why);
    while (err == ERR_NONE && next_component(&at, name)) {
        int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int sys_errno = errno;
        close(fd);
        fd = next;
        err = fd < 0 ? fault_errno(why, ERR_AUTH, sys_errno, "ChrootDirectory \"%.160s\"",
                                   path)
                     : check_component(fd, path, (size_t)(at - path), why);
    }
    if (err == ERR_NONE && at[strspn(at, "/")] != 0)
        err = fault_set(why, ERR_AUTH, 0, "ChrootDirectory \"%.160s\": too long", path);
    if (err != ERR_NONE && fd >= 0)
        close(fd);
    *root = err == ERR_NONE ? fd : -1;
    return err;
}

/* Links on the way are followed first, as sshd does; what they led to is checked, and
 * a link that is put there afterwards is no directory of ours. */
static enum err
open_chroot(const char *path, int *root, struct fault *why)
{
    char *real = realpath(path, NULL);
    if (!real)
        return fault_errno(why, ERR_AUTH, errno, "ChrootDirectory \"%.160s\"", path);
    enum err err = open_checked(real, root, why);
    free(real);
    return err;
}

/* Nobody but root can have put a link there. */
static bool
is_roots_alone(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 022) == 0;
}

/*
 * All virtual accounts have one uid: whoever's tree holds another's root could put a
 * link in its place, and we open it with root's rights. So a link is followed only
 * where it is root's own doing.
 */
static int
open_without_strangers_links(const char *path)
{
    char name[NAME_MAX + 1];
    const char *at = path;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && next_component(&at, name)) {
        int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
        int next = openat(fd, name, is_roots_alone(fd) ? flags : flags | O_NOFOLLOW);
        int sys_errno = errno;
        close(fd);
        fd = next;
        errno = sys_errno;
    }
    return fd;
}

enum err
session_root_open(const struct grant *grant, int *root, struct fault *why)
{
    if (grant->is_chroot && !grant->is_virtual)
        return open_chroot(grant->root, root, why);
    *root = grant->changes_ids && grant->is_virtual
                ? open_without_strangers_links(grant->root)
                : open(grant->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*root < 0)
        return fault_errno(why, ERR_AUTH, errno, "the account's directory \"%.160s\"",
                           grant->root);
    return ERR_NONE;
}
