/* See vfs_rig.h. */
#include "vfs/vfs_rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfs/posix.h"

struct vfs_path
rig_path_of(const char *text)
{
    struct vfs_path p;
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_str(text)), 0);
    return p;
}

int
rig_put(struct vfs *v, const char *name, const char *content, unsigned flags)
{
    struct vfs_file *f;
    int error = v->ops->open(v, P(name), VFS_WRITE | flags, 0644, &f);
    if (error != 0)
        return error;
    error = v->ops->pwrite(v, f, bytes_str(content), 0);
    int closed = v->ops->close(v, f);
    return error ? error : closed;
}

void
rig_check(struct vfs *v, const char *name, const char *content)
{
    struct vfs_file *f;
    char got[1001] = "";
    struct iovec iov = {got, sizeof got - 1};
    size_t n;
    assert_int_equal(v->ops->open(v, P(name), VFS_READ, 0, &f), 0);
    assert_int_equal(v->ops->preadv(v, f, &iov, 1, 0, &n), 0);
    got[n] = 0;
    assert_string_equal(got, content);
    assert_int_equal(v->ops->close(v, f), 0);
}

int
rig_lstat(struct vfs *v, const char *name)
{
    struct vfs_stat st;
    return v->ops->lstat(v, P(name), &st);
}

struct vfs_stat
rig_stat(struct vfs *v, const char *name)
{
    struct vfs_stat st;
    assert_int_equal(v->ops->stat(v, P(name), &st), 0);
    return st;
}

unsigned
rig_count(struct vfs *v, const char *name, const char *prefix)
{
    struct vfs_dir *d;
    struct vfs_entry e;
    unsigned n = 0;
    assert_int_equal(v->ops->opendir(v, P(name), &d), 0);
    for (;;) {
        assert_int_equal(v->ops->readdir(v, d, &e), 0);
        if (e.name.n == 0)
            break;
        bool is_dot = bytes_eq_str(e.name, ".") || bytes_eq_str(e.name, "..");
        n += !is_dot && bytes_has_prefix(e.name, prefix);
    }
    v->ops->closedir(v, d);
    return n;
}

struct vfs *
rig_disk(char *dir, bool is_literal)
{
    assert_non_null(mkdtemp(dir));
    return rig_disk_again(dir, is_literal);
}

struct vfs *
rig_disk_again(const char *dir, bool is_literal)
{
    struct vfs *v;
    int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    struct posix_vfs_options options = {.is_confined = true, .is_literal = is_literal};
    assert_int_equal(posix_vfs_new(root, &options, &v), 0);
    return v;
}

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(name);
}

void
rig_remove_tree(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
