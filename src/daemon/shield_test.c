/* Files of the daemon's own inside the shared tree (threats P10), on a tree in
 * memory: secret/key is shielded, and so is the single file own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "daemon/shield.h"
#include "vfs/mem.h"

static struct vfs_path
path_of(const char *text)
{
    struct vfs_path p;
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_str(text)), 0);
    return p;
}

static void
make_file(struct vfs *v, const char *name)
{
    struct vfs_path path = path_of(name);
    struct vfs_file *file;
    assert_int_equal(v->ops->open(v, &path, VFS_WRITE | VFS_CREATE, 0600, &file), 0);
    assert_int_equal(v->ops->pwrite(v, file, BYTES_LIT("content"), 0), 0);
    assert_int_equal(v->ops->close(v, file), 0);
}

static void
make_dir(struct vfs *v, const char *name)
{
    struct vfs_path path = path_of(name);
    assert_int_equal(v->ops->mkdir(v, &path, 0700), 0);
}

static void
make_link(struct vfs *v, const char *text, const char *name)
{
    struct vfs_path path = path_of(name);
    assert_int_equal(v->ops->symlink(v, text, &path), 0);
}

static struct vfs *inner; /* the same tree, seen past the shield */

static int
set_up(void **state)
{
    static const char *const shielded[] = {"home/secret", "own"};
    struct vfs *v;
    if (mem_vfs_new(NULL, &inner) != 0)
        return -1;
    make_dir(inner, "home");
    make_dir(inner, "home/secret");
    make_file(inner, "home/secret/key");
    make_file(inner, "own");
    make_file(inner, "plain");
    make_dir(inner, "dir");
    make_link(inner, "home/secret", "door");
    make_link(inner, "home/secret/key", "window");
    make_link(inner, "own", "mirror");
    if (shield_vfs_new(inner, shielded, ARRAY_LEN(shielded), &v) != 0)
        return -1;
    *state = v;
    return 0;
}

static int
tear_down(void **state)
{
    vfs_free(*state);
    return 0;
}

static int
open_and_close(struct vfs *v, const char *name, unsigned flags)
{
    struct vfs_path path = path_of(name);
    struct vfs_file *file;
    int error = v->ops->open(v, &path, flags, 0600, &file);
    return error ? error : v->ops->close(v, file);
}

static void
no_name_opens_a_shielded_file(void **state)
{
    static const char *const names[] = {
        "home/secret/key", "door/key",   "window",          "own",
        "mirror",          "dir/../own", "home/secret/new", "home/./secret/x"};
    struct vfs *v = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(open_and_close(v, names[i], VFS_READ), EACCES);
        assert_int_equal(open_and_close(v, names[i], VFS_WRITE | VFS_CREATE), EACCES);
        assert_int_equal(
            open_and_close(v, names[i], VFS_WRITE | VFS_CREATE | VFS_TRUNCATE), EACCES);
    }
}

static void
other_names_work(void **state)
{
    struct vfs *v = *state;
    struct vfs_path from = path_of("plain"), to = path_of("dir/moved");
    assert_int_equal(open_and_close(v, "plain", VFS_READ), 0);
    assert_int_equal(open_and_close(v, "home/secrets", VFS_WRITE | VFS_CREATE), 0);
    assert_int_equal(v->ops->rename(v, &from, &to), 0);
    assert_int_equal(v->ops->unlink(v, &to), 0);
}

static void
truncating_open_empties_the_file(void **state)
{
    struct vfs *v = *state;
    struct vfs_stat st;
    struct vfs_path path = path_of("plain");
    assert_int_equal(open_and_close(v, "plain", VFS_WRITE | VFS_TRUNCATE), 0);
    assert_int_equal(v->ops->stat(v, &path, &st), 0);
    assert_int_equal(st.size, 0);
}

static void
nothing_shielded_is_renamed_removed_or_linked(void **state)
{
    static const char *const names[] = {"home/secret/key", "home/secret", "own",
                                        "door/key"};
    struct vfs *v = *state;
    struct vfs_path other = path_of("dir/other"), plain = path_of("plain");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct vfs_path path = path_of(names[i]);
        assert_int_equal(v->ops->rename(v, &path, &other), EACCES);
        assert_int_equal(v->ops->rename_over(v, &plain, &path), EACCES);
        assert_int_equal(v->ops->unlink(v, &path), EACCES);
        assert_int_equal(v->ops->rmdir(v, &path), EACCES);
        assert_int_equal(v->ops->link(v, &path, &other), EACCES);
        assert_int_equal(v->ops->link(v, &plain, &path), EACCES);
        assert_int_equal(v->ops->symlink(v, "x", &path), EACCES);
        assert_int_equal(v->ops->mkdir(v, &path, 0700), EACCES);
    }
}

static void
way_to_a_shielded_file_cannot_be_moved(void **state)
{
    struct vfs *v = *state;
    struct vfs_path home = path_of("home"), other = path_of("dir/other");
    assert_int_equal(v->ops->rename(v, &home, &other), EACCES);
    assert_int_equal(v->ops->rename_over(v, &home, &other), EACCES);
    assert_int_equal(v->ops->rmdir(v, &home), EACCES);
}

static void
attributes_and_listings_are_kept_back(void **state)
{
    static const char *const names[] = {"home/secret", "door", "own", "window"};
    struct vfs *v = *state;
    const struct vfs_setattr set = {.set = VFS_SET_MODE, .mode = 0777};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct vfs_path path = path_of(names[i]);
        struct vfs_stat st;
        struct vfs_dir *dir;
        assert_int_equal(v->ops->stat(v, &path, &st), EACCES);
        assert_int_equal(v->ops->setattr(v, &path, &set), EACCES);
        assert_int_equal(v->ops->opendir(v, &path, &dir), EACCES);
    }
    struct vfs_path home = path_of("home");
    struct vfs_dir *dir;
    assert_int_equal(v->ops->opendir(v, &home, &dir), 0);
    v->ops->closedir(v, dir);
}

/* A link swapped in between check and use: the inode tells. Here the file is
 * moved past the shield, so that the path alone says nothing. */
static void
shielded_inode_under_another_name_stays_closed(void **state)
{
    struct vfs *v = *state;
    struct vfs_path key = path_of("home/secret/key"), other = path_of("dir/other");
    struct vfs_stat before, after;
    assert_int_equal(inner->ops->rename(inner, &key, &other), 0);
    assert_int_equal(inner->ops->stat(inner, &other, &before), 0);
    assert_int_equal(open_and_close(v, "dir/other", VFS_READ), EACCES);
    assert_int_equal(open_and_close(v, "dir/other", VFS_WRITE | VFS_TRUNCATE), EACCES);
    assert_int_equal(inner->ops->stat(inner, &other, &after), 0);
    assert_int_equal(after.size, before.size);
}

static void
root_or_nonsense_cannot_be_shielded(void **state)
{
    static const char *const bad[] = {"/"};
    struct vfs *mem, *v;
    (void)state;
    assert_int_equal(mem_vfs_new(NULL, &mem), 0);
    assert_int_equal(shield_vfs_new(mem, bad, 1, &v), EINVAL);
}

int
main(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TREE_TEST(no_name_opens_a_shielded_file),
        TREE_TEST(other_names_work),
        TREE_TEST(truncating_open_empties_the_file),
        TREE_TEST(nothing_shielded_is_renamed_removed_or_linked),
        TREE_TEST(way_to_a_shielded_file_cannot_be_moved),
        TREE_TEST(attributes_and_listings_are_kept_back),
        TREE_TEST(shielded_inode_under_another_name_stays_closed),
        cmocka_unit_test(root_or_nonsense_cannot_be_shielded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
