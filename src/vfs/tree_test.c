/*
 * What every writable tree promises (vfs.h), asked of the one on disk and the
 * one in memory alike, so that tests in memory mean something.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vfs/mem.h"
#include "vfs/posix.h"
#include "vfs/readonly.h"

static struct vfs_path
path(const char *text)
{
    struct vfs_path p;
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_str(text)), 0);
    return p;
}

#define P(text) (&(struct vfs_path[]){path(text)}[0])

static int
setup_mem(void **state)
{
    struct vfs *v;
    assert_int_equal(mem_vfs_new(NULL, &v), 0);
    *state = v;
    return 0;
}

static char root_dir[] = "/tmp/ferry-tree-XXXXXX";

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(name);
}

static int
setup_posix(void **state)
{
    struct vfs *v;
    strcpy(root_dir + sizeof root_dir - 7, "XXXXXX");
    assert_non_null(mkdtemp(root_dir));
    int root = open(root_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    struct posix_vfs_options options = {.is_confined = true};
    assert_int_equal(posix_vfs_new(root, &options, &v), 0);
    *state = v;
    return 0;
}

static int
teardown(void **state)
{
    vfs_free(*state);
    return 0;
}

static int
teardown_posix(void **state)
{
    vfs_free(*state);
    nftw(root_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* ---- helpers ---- */

static int
put(struct vfs *v, const char *name, const char *content, unsigned flags)
{
    struct vfs_file *f;
    int error = v->ops->open(v, P(name), VFS_WRITE | flags, 0644, &f);
    if (error != 0)
        return error;
    assert_int_equal(v->ops->pwrite(v, f, bytes_str(content), 0), 0);
    return v->ops->close(v, f);
}

static void
check(struct vfs *v, const char *name, const char *content)
{
    struct vfs_file *f;
    char got[100] = "";
    struct iovec iov[2] = {{got, 3}, {got + 3, sizeof got - 4}};
    size_t n;
    assert_int_equal(v->ops->open(v, P(name), VFS_READ, 0, &f), 0);
    assert_int_equal(v->ops->preadv(v, f, iov, 2, 0, &n), 0);
    got[n] = 0;
    assert_string_equal(got, content);
    assert_int_equal(v->ops->close(v, f), 0);
}

static int
lstat_of(struct vfs *v, const char *name)
{
    struct vfs_stat st;
    return v->ops->lstat(v, P(name), &st);
}

/* ---- promises ---- */

static void
open_follows_its_flags(void **state)
{
    struct vfs *v = *state;
    assert_int_equal(put(v, "/f", "abc", 0), ENOENT);
    assert_int_equal(put(v, "/f", "abc", VFS_CREATE), 0);
    check(v, "/f", "abc");
    assert_int_equal(put(v, "/f", "X", VFS_CREATE), 0);
    check(v, "/f", "Xbc");
    assert_int_equal(put(v, "/f", "Y", VFS_TRUNCATE), 0);
    check(v, "/f", "Y");
    assert_int_equal(put(v, "/f", "Z", VFS_APPEND), 0);
    check(v, "/f", "YZ");
    assert_int_equal(put(v, "/f", "", VFS_CREATE | VFS_EXCLUSIVE), EEXIST);
    assert_int_equal(put(v, "/", "", VFS_CREATE), EISDIR);
    assert_int_equal(put(v, "/f/x", "", VFS_CREATE), ENOTDIR);
    assert_int_equal(put(v, "/no/x", "", VFS_CREATE), ENOENT);
    struct vfs_file *f;
    assert_int_equal(v->ops->open(v, P("/"), VFS_READ, 0, &f), EISDIR);
}

static void
exclusive_does_not_follow_a_dangling_link(void **state)
{
    struct vfs *v = *state;
    assert_int_equal(v->ops->symlink(v, "target", P("/link")), 0);
    assert_int_equal(put(v, "/link", "", VFS_CREATE | VFS_EXCLUSIVE), EEXIST);
    assert_int_equal(lstat_of(v, "/target"), ENOENT);
    assert_int_equal(put(v, "/link", "through", VFS_CREATE), 0);
    check(v, "/target", "through");
}

static void
preadv_stops_only_at_the_end(void **state)
{
    struct vfs *v = *state;
    assert_int_equal(put(v, "/f", "0123456789", VFS_CREATE), 0);
    static const struct {
        uint64_t offset;
        size_t want, got;
    } cases[] = {{0, 10, 10}, {0, 20, 10}, {4, 3, 3},
                 {9, 5, 1},   {10, 5, 0},  {1ULL << 50, 5, 0}};
    struct vfs_file *f;
    assert_int_equal(v->ops->open(v, P("/f"), VFS_READ, 0, &f), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char a[10], b[20];
        struct iovec iov[2] = {{a, 2}, {b, cases[i].want - 2}};
        size_t got;
        assert_int_equal(v->ops->preadv(v, f, iov, 2, cases[i].offset, &got), 0);
        assert_int_equal(got, cases[i].got);
    }
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("x"), 0), EBADF);
    assert_int_equal(v->ops->close(v, f), 0);
}

static void
rename_never_replaces_and_rename_over_does(void **state)
{
    struct vfs *v = *state;
    assert_int_equal(put(v, "/a", "a", VFS_CREATE), 0);
    assert_int_equal(put(v, "/b", "b", VFS_CREATE), 0);
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0755), 0);
    assert_int_equal(v->ops->mkdir(v, P("/d/e"), 0755), 0);
    assert_int_equal(v->ops->rename(v, P("/a"), P("/b")), EEXIST);
    assert_int_equal(v->ops->rename(v, P("/a"), P("/d")), EEXIST);
    assert_int_equal(v->ops->rename(v, P("/d"), P("/d/e/f")), EINVAL);
    assert_int_equal(v->ops->rename(v, P("/"), P("/x")), EBUSY);
    assert_int_equal(v->ops->rename(v, P("/no"), P("/x")), ENOENT);
    assert_int_equal(v->ops->rename(v, P("/a"), P("/d/c")), 0);
    check(v, "/d/c", "a");
    assert_int_equal(v->ops->rename_over(v, P("/d/c"), P("/b")), 0);
    check(v, "/b", "a");
    assert_int_equal(v->ops->rename_over(v, P("/b"), P("/d")), EISDIR);
    assert_int_equal(v->ops->rename_over(v, P("/d"), P("/b")), ENOTDIR);
    assert_int_equal(v->ops->rename_over(v, P("/d/e"), P("/d")), ENOTEMPTY);
}

static void
names_come_and_go(void **state)
{
    struct vfs *v = *state;
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0755), 0);
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0755), EEXIST);
    assert_int_equal(v->ops->mkdir(v, P("/"), 0755), EEXIST);
    assert_int_equal(put(v, "/d/f", "x", VFS_CREATE), 0);
    assert_int_equal(v->ops->rmdir(v, P("/d")), ENOTEMPTY);
    assert_int_equal(v->ops->rmdir(v, P("/d/f")), ENOTDIR);
    assert_int_equal(v->ops->unlink(v, P("/d")), EISDIR);
    assert_int_equal(v->ops->unlink(v, P("/no")), ENOENT);
    assert_int_equal(v->ops->link(v, P("/d/f"), P("/g")), 0);
    assert_int_equal(v->ops->link(v, P("/d/f"), P("/g")), EEXIST);
    assert_int_equal(v->ops->link(v, P("/d"), P("/h")), EPERM);
    struct vfs_stat a, b;
    assert_int_equal(v->ops->stat(v, P("/d/f"), &a), 0);
    assert_int_equal(v->ops->stat(v, P("/g"), &b), 0);
    assert_int_equal(a.ino, b.ino);
    assert_int_equal(a.nlink, 2);
    assert_int_equal(v->ops->unlink(v, P("/d/f")), 0);
    assert_int_equal(v->ops->rmdir(v, P("/d")), 0);
    check(v, "/g", "x");
    assert_int_equal(v->ops->rmdir(v, P("/")), EBUSY);
    assert_int_equal(v->ops->unlink(v, P("/")), EBUSY);
}

static void
links_lead_inside_only(void **state)
{
    static const struct {
        const char *text;
        int error;        /* of stat through it */
        const char *real; /* of realpath when there is no error */
    } cases[] = {
        {"f", 0, "/d/f"},
        {"../f", 0, "/f"},
        {"../d/../d/./f", 0, "/d/f"},
        {"..", 0, "/"},
        {".", 0, "/d"},
        {"l2", ELOOP, NULL},
        {"no", ENOENT, "/d/no"},
        {"../..", VFS_ERR_ESCAPES, NULL},
        {"../../etc", VFS_ERR_ESCAPES, NULL},
        {"../../d/f", VFS_ERR_ESCAPES, NULL},
        {"/", VFS_ERR_ESCAPES, NULL},
        {"/f", VFS_ERR_ESCAPES, NULL},
    };
    struct vfs *v = *state;
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0755), 0);
    assert_int_equal(put(v, "/f", "f", VFS_CREATE), 0);
    assert_int_equal(put(v, "/d/f", "df", VFS_CREATE), 0);
    assert_int_equal(v->ops->symlink(v, "l", P("/d/l2")), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vfs_stat st;
        struct vfs_path real;
        char text[VFS_PATH_MAX];
        size_t n;
        assert_int_equal(v->ops->symlink(v, cases[i].text, P("/d/l")), 0);
        int error = v->ops->stat(v, P("/d/l"), &st);
        if (error != cases[i].error)
            fail_msg("\"%s\": %d, not %d", cases[i].text, error, cases[i].error);
        if (cases[i].real) {
            assert_int_equal(v->ops->realpath(v, P("/d/l"), &real), 0);
            assert_string_equal(real.text, cases[i].real);
        } else {
            assert_int_equal(v->ops->realpath(v, P("/d/l"), &real), cases[i].error);
        }
        assert_int_equal(v->ops->lstat(v, P("/d/l"), &st), 0);
        assert_true(S_ISLNK(st.mode));
        assert_int_equal(v->ops->readlink(v, P("/d/l"), text, &n), 0);
        assert_true(bytes_eq_str(bytes_of(text, n), cases[i].text));
        assert_int_equal(v->ops->unlink(v, P("/d/l")), 0);
    }
    char text[VFS_PATH_MAX];
    size_t n;
    assert_int_equal(v->ops->readlink(v, P("/f"), text, &n), EINVAL);
}

static void
attributes_are_set_in_one_go(void **state)
{
    struct vfs *v = *state;
    struct vfs_stat st;
    assert_int_equal(put(v, "/f", "abcdef", VFS_CREATE), 0);
    struct vfs_setattr set = {.set = VFS_SET_SIZE | VFS_SET_MODE | VFS_SET_TIMES,
                              .size = 2,
                              .mode = 0400,
                              .atime = 100,
                              .mtime = 200};
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), 0);
    assert_int_equal(v->ops->stat(v, P("/f"), &st), 0);
    assert_int_equal(st.size, 2);
    assert_int_equal(st.mode, S_IFREG | 0400);
    assert_int_equal(st.atime, 100);
    assert_int_equal(st.mtime, 200);
    set = (struct vfs_setattr){.set = VFS_SET_MODE, .mode = 04755};
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), VFS_ERR_MODE_BITS);
    set = (struct vfs_setattr){.set = VFS_SET_OWNER, .uid = 12345, .gid = 12345};
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), VFS_ERR_OWNER);
    set.uid = st.uid;
    set.gid = st.gid;
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), 0);
    set = (struct vfs_setattr){.set = VFS_SET_SIZE};
    assert_int_equal(v->ops->setattr(v, P("/"), &set), EISDIR);
    /* Each is tried; the last failure is told. */
    set = (struct vfs_setattr){
        .set = VFS_SET_SIZE | VFS_SET_MODE | VFS_SET_TIMES, .mode = 06000, .mtime = 7};
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), VFS_ERR_MODE_BITS);
    assert_int_equal(v->ops->stat(v, P("/f"), &st), 0);
    assert_int_equal(st.size, 0);
    assert_int_equal(st.mtime, 7);
}

static void
attributes_of_handles_and_links(void **state)
{
    struct vfs *v = *state;
    struct vfs_stat st;
    struct vfs_file *f;
    struct vfs_dir *d;
    struct vfs_setattr set = {
        .set = VFS_SET_MODE | VFS_SET_TIMES, .mode = 0700, .mtime = 9};
    assert_int_equal(v->ops->open(v, P("/f"), VFS_WRITE | VFS_CREATE, 0644, &f), 0);
    assert_int_equal(v->ops->fsetattr(v, f, &set), 0);
    assert_int_equal(v->ops->fstat(v, f, &st), 0);
    assert_int_equal(st.mode, S_IFREG | 0700);
    assert_int_equal(st.mtime, 9);
    assert_int_equal(v->ops->fsync(v, f), 0);
    assert_int_equal(v->ops->close(v, f), 0);
    assert_int_equal(v->ops->opendir(v, P("/"), &d), 0);
    assert_int_equal(v->ops->dir_setattr(v, d, &set), 0);
    assert_int_equal(v->ops->dir_stat(v, d, &st), 0);
    assert_int_equal(st.mode, S_IFDIR | 0700);
    v->ops->closedir(v, d);

    assert_int_equal(v->ops->symlink(v, "f", P("/l")), 0);
    set = (struct vfs_setattr){.set = VFS_SET_TIMES, .mtime = 11};
    assert_int_equal(v->ops->lsetattr(v, P("/l"), &set), 0);
    assert_int_equal(v->ops->lstat(v, P("/l"), &st), 0);
    assert_int_equal(st.mtime, 11);
    assert_int_equal(v->ops->stat(v, P("/l"), &st), 0);
    assert_int_equal(st.mtime, 9);
}

static void
a_listing_tells_every_name_once(void **state)
{
    enum { N_FILES = 3000 };
    struct vfs *v = *state;
    static bool seen[N_FILES];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < N_FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "/file-%d", i);
        assert_int_equal(put(v, name, "", VFS_CREATE), 0);
    }
    struct vfs_dir *d;
    struct vfs_entry e;
    int n_dots = 0, n_names = 0;
    assert_int_equal(v->ops->opendir(v, P("/"), &d), 0);
    for (;;) {
        assert_int_equal(v->ops->readdir(v, d, &e), 0);
        if (e.name.n == 0)
            break;
        if (e.name.p[0] == '.') {
            n_dots++;
            assert_true(S_ISDIR(e.stat.mode));
            continue;
        }
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)e.name.n, (const char *)e.name.p);
        int i = atoi(name + strlen("file-"));
        assert_false(seen[i]);
        seen[i] = true;
        n_names++;
    }
    assert_int_equal(n_dots, 2);
    assert_int_equal(n_names, N_FILES);
    assert_int_equal(v->ops->readdir(v, d, &e), 0);
    assert_int_equal(e.name.n, 0);
    v->ops->closedir(v, d);
    assert_int_equal(v->ops->opendir(v, P("/file-0"), &d), ENOTDIR);
}

static void
copy_goes_in_steps_to_the_end(void **state)
{
    struct vfs *v = *state;
    struct vfs_file *from, *to;
    assert_int_equal(put(v, "/a", "0123456789", VFS_CREATE), 0);
    assert_int_equal(put(v, "/b", "....", VFS_CREATE), 0);
    assert_int_equal(v->ops->open(v, P("/a"), VFS_READ, 0, &from), 0);
    assert_int_equal(v->ops->open(v, P("/b"), VFS_WRITE, 0, &to), 0);
    uint64_t copied = 0, at = 2;
    do {
        assert_int_equal(v->ops->copy(v, from, at, to, at - 1, 100, &copied), 0);
        at += copied;
    } while (copied != 0);
    assert_int_equal(v->ops->close(v, to), 0);
    check(v, "/b", ".23456789");
    assert_int_equal(v->ops->open(v, P("/b"), VFS_WRITE | VFS_APPEND, 0, &to), 0);
    assert_int_equal(v->ops->copy(v, from, 0, to, 0, 2, &copied), 0);
    assert_int_equal(copied, 2);
    assert_int_equal(v->ops->close(v, to), 0);
    assert_int_equal(v->ops->close(v, from), 0);
    check(v, "/b", ".2345678901");
}

static void
statvfs_has_room(void **state)
{
    struct vfs *v = *state;
    struct vfs_statvfs st;
    assert_int_equal(v->ops->statvfs(v, P("/"), &st), 0);
    assert_true(st.frsize != 0 && st.blocks != 0 && st.bavail <= st.blocks);
    assert_int_equal(st.namemax, 255);
    assert_int_equal(v->ops->statvfs(v, P("/no"), &st), ENOENT);
}

/* ---- the read-only filter (P6) ---- */

static void
read_only_asks_everything_and_changes_nothing(void **state)
{
    (void)state;
    struct vfs *inner, *v;
    struct vfs_file *f;
    struct vfs_dir *d;
    struct vfs_stat st;
    struct vfs_statvfs fs;
    struct vfs_path real;
    struct vfs_setattr set = {.set = VFS_SET_MODE, .mode = 0};
    uint64_t copied;
    char text[VFS_PATH_MAX];
    size_t n;
    assert_int_equal(mem_vfs_new(NULL, &inner), 0);
    assert_int_equal(put(inner, "/f", "abc", VFS_CREATE), 0);
    assert_int_equal(inner->ops->symlink(inner, "f", P("/l")), 0);
    assert_int_equal(readonly_vfs_new(inner, &v), 0);

    enum { NO = VFS_ERR_READ_ONLY };
    static const unsigned flags[] = {VFS_WRITE,
                                     VFS_READ | VFS_WRITE,
                                     VFS_READ | VFS_CREATE,
                                     VFS_READ | VFS_TRUNCATE,
                                     VFS_APPEND,
                                     VFS_READ | VFS_EXCLUSIVE};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        assert_int_equal(v->ops->open(v, P("/f"), flags[i], 0, &f), NO);
    assert_int_equal(v->ops->open(v, P("/f"), VFS_READ, 0, &f), 0);
    assert_int_equal(v->ops->opendir(v, P("/"), &d), 0);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("x"), 0), NO);
    assert_int_equal(v->ops->fsetattr(v, f, &set), NO);
    assert_int_equal(v->ops->fsync(v, f), NO);
    assert_int_equal(v->ops->copy(v, f, 0, f, 0, 1, &copied), NO);
    assert_int_equal(v->ops->dir_setattr(v, d, &set), NO);
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), NO);
    assert_int_equal(v->ops->lsetattr(v, P("/f"), &set), NO);
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0), NO);
    assert_int_equal(v->ops->rmdir(v, P("/d")), NO);
    assert_int_equal(v->ops->unlink(v, P("/f")), NO);
    assert_int_equal(v->ops->rename(v, P("/f"), P("/g")), NO);
    assert_int_equal(v->ops->rename_over(v, P("/f"), P("/g")), NO);
    assert_int_equal(v->ops->link(v, P("/f"), P("/g")), NO);
    assert_int_equal(v->ops->symlink(v, "f", P("/g")), NO);

    assert_int_equal(v->ops->fstat(v, f, &st), 0);
    assert_int_equal(v->ops->dir_stat(v, d, &st), 0);
    assert_int_equal(v->ops->stat(v, P("/f"), &st), 0);
    assert_int_equal(v->ops->lstat(v, P("/l"), &st), 0);
    assert_int_equal(v->ops->statvfs(v, P("/"), &fs), 0);
    assert_true(fs.is_read_only);
    assert_int_equal(v->ops->fstatvfs(v, f, &fs), 0);
    assert_int_equal(v->ops->dir_statvfs(v, d, &fs), 0);
    assert_int_equal(v->ops->readlink(v, P("/l"), text, &n), 0);
    assert_int_equal(v->ops->realpath(v, P("/l"), &real), 0);
    assert_string_equal(real.text, "/f");
    assert_int_equal(v->ops->close(v, f), 0);
    v->ops->closedir(v, d);
    check(v, "/f", "abc");
    vfs_free(v);
}

#define BOTH(name)                                              \
    cmocka_unit_test_setup_teardown(name, setup_mem, teardown), \
        cmocka_unit_test_setup_teardown(name, setup_posix, teardown_posix)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(open_follows_its_flags),
        BOTH(exclusive_does_not_follow_a_dangling_link),
        BOTH(preadv_stops_only_at_the_end),
        BOTH(rename_never_replaces_and_rename_over_does),
        BOTH(names_come_and_go),
        BOTH(links_lead_inside_only),
        BOTH(attributes_are_set_in_one_go),
        BOTH(attributes_of_handles_and_links),
        BOTH(a_listing_tells_every_name_once),
        BOTH(copy_goes_in_steps_to_the_end),
        BOTH(statvfs_has_room),
        cmocka_unit_test(read_only_asks_everything_and_changes_nothing),
    };
    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
