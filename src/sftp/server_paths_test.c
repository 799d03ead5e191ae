/* Names, attributes, links and listings. Threats P1, P3, P8, P9, R4, R7. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "sftp/server_rig.h"
#include "wire/put.h"

static int
setup(void **state)
{
    struct rig *r = malloc(sizeof *r);
    assert_non_null(r);
    rig_init(r, NULL);
    r->config.start = "/home";
    rig_start(r);
    rig_make_file(r, "/top", "t");
    expect_status(rig_path(r, SFTP_MKDIR, "/home"), SSH_FX_OK);
    expect_status(rig_path(r, SFTP_MKDIR, "dir"), SSH_FX_OK);
    rig_make_file(r, "file", "hello");
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    rig_clear(*state);
    free(*state);
    return 0;
}

static struct reply
make_link(struct rig *r, const char *first, const char *second)
{
    struct sftp_msg_symlink m = {.first = bytes_str(first), .second = bytes_str(second)};
    return rig_ask(r, SFTP_SYMLINK, &m);
}

static struct reply
posix_rename(struct rig *r, const char *from, const char *to)
{
    struct sftp_msg_ext_posix_rename m = {.oldpath = bytes_str(from),
                                          .newpath = bytes_str(to)};
    return rig_extended(r, "posix-rename@openssh.com", SFTP_EXT_POSIX_RENAME, &m);
}

/* ---- paths ---- */

static void
realpath_is_absolute_and_stays_inside(void **state)
{
    static const char *const cases[][2] = {
        {"", "/home"},
        {".", "/home"},
        {"/", "/"},
        {"..", "/"},
        {"../..", "/"},
        {"/..", "/"},
        {"/../../etc", "/etc"},
        {"dir/", "/home/dir"},
        {"dir//./", "/home/dir"},
        {"//home///dir", "/home/dir"},
        {"dir/../file", "/home/file"},
        {"missing", "/home/missing"},
    };
    struct rig *r = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_name(rig_path(r, SFTP_REALPATH, cases[i][0]), cases[i][1]);
    expect_status(rig_path(r, SFTP_REALPATH, "missing/x"), SSH_FX_NO_SUCH_FILE);
}

static void
names_that_no_file_can_have_are_refused_and_nothing_more(void **state)
{
    struct rig *r = *state;
    char *name = malloc(65537);
    assert_non_null(name);
    static const size_t lengths[] = {256, 4096, 65536};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        memset(name, 'n', lengths[i]);
        name[lengths[i]] = 0;
        expect_status(rig_path(r, SFTP_STAT, name), SSH_FX_BAD_MESSAGE);
        expect_status(rig_path(r, SFTP_MKDIR, name), SSH_FX_BAD_MESSAGE);
    }
    name[255] = 0;
    expect_status(rig_path(r, SFTP_STAT, name), SSH_FX_NO_SUCH_FILE);
    struct sftp_msg_stat nul = {.path = BYTES_LIT("fi\0le")};
    expect_status(rig_ask(r, SFTP_STAT, &nul), SSH_FX_BAD_MESSAGE);
    struct sftp_msg_rename two = {.oldpath = BYTES_LIT("file"),
                                  .newpath = BYTES_LIT("a\0b")};
    expect_status(rig_ask(r, SFTP_RENAME, &two), SSH_FX_BAD_MESSAGE);
    struct sftp_msg_symlink link = {.first = BYTES_LIT("a\0b"), .second = BYTES_LIT("l")};
    expect_status(rig_ask(r, SFTP_SYMLINK, &link), SSH_FX_BAD_MESSAGE);
    expect_attrs(rig_path(r, SFTP_STAT, "file"));
    free(name);
}

static void
a_missing_path_is_no_such_file_for_every_request(void **state)
{
    static const enum sftp_msg rows[] = {SFTP_LSTAT,   SFTP_STAT,   SFTP_SETSTAT,
                                         SFTP_OPENDIR, SFTP_REMOVE, SFTP_RMDIR,
                                         SFTP_READLINK};
    struct rig *r = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_status(rig_path(r, rows[i], "no"), SSH_FX_NO_SUCH_FILE);
        expect_status(rig_path(r, rows[i], "no/no"), SSH_FX_NO_SUCH_FILE);
        expect_status(rig_path(r, rows[i], "file/no"), SSH_FX_NO_SUCH_FILE);
    }
    expect_status(rig_rename(r, "no", "x"), SSH_FX_NO_SUCH_FILE);
    expect_status(rig_path(r, SFTP_MKDIR, "no/x"), SSH_FX_NO_SUCH_FILE);
}

/* ---- making, removing, moving ---- */

static void
directories_are_made_and_removed(void **state)
{
    struct rig *r = *state;
    expect_status(rig_path(r, SFTP_MKDIR, "dir"), SSH_FX_FAILURE);
    expect_status(rig_path(r, SFTP_MKDIR, "/"), SSH_FX_FAILURE);
    expect_status(rig_path(r, SFTP_MKDIR, "dir/sub/"), SSH_FX_OK);
    expect_status(rig_path(r, SFTP_RMDIR, "dir"), SSH_FX_FAILURE);
    expect_status(rig_path(r, SFTP_REMOVE, "dir"), SSH_FX_FAILURE);
    expect_status(rig_path(r, SFTP_RMDIR, "file"), SSH_FX_NO_SUCH_FILE);
    expect_status(rig_path(r, SFTP_RMDIR, "dir/sub"), SSH_FX_OK);
    expect_status(rig_path(r, SFTP_RMDIR, "dir"), SSH_FX_OK);
    expect_status(rig_path(r, SFTP_RMDIR, "/"), SSH_FX_FAILURE);
    expect_status(rig_path(r, SFTP_REMOVE, "file"), SSH_FX_OK);
    expect_status(rig_path(r, SFTP_STAT, "file"), SSH_FX_NO_SUCH_FILE);
}

static void
rename_never_overwrites_and_posix_rename_does(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "other", "other");
    expect_status(rig_rename(r, "file", "other"), SSH_FX_FAILURE);
    expect_status(rig_rename(r, "file", "dir"), SSH_FX_FAILURE);
    expect_status(rig_rename(r, "file", "file"), SSH_FX_FAILURE);
    rig_check_file(r, "other", "other");
    expect_status(rig_rename(r, "file", "moved"), SSH_FX_OK);
    rig_check_file(r, "moved", "hello");
    expect_status(posix_rename(r, "moved", "other"), SSH_FX_OK);
    rig_check_file(r, "other", "hello");
    expect_status(rig_path(r, SFTP_STAT, "moved"), SSH_FX_NO_SUCH_FILE);
    expect_status(posix_rename(r, "other", "dir"), SSH_FX_FAILURE);
    expect_status(posix_rename(r, "/home", "/home/dir/x"), SSH_FX_BAD_MESSAGE);
}

static void
hardlink_gives_a_second_name(void **state)
{
    struct rig *r = *state;
    struct sftp_msg_ext_hardlink m = {.oldpath = BYTES_LIT("file"),
                                      .newpath = BYTES_LIT("second")};
    expect_status(rig_extended(r, "hardlink@openssh.com", SFTP_EXT_HARDLINK, &m),
                  SSH_FX_OK);
    expect_status(rig_extended(r, "hardlink@openssh.com", SFTP_EXT_HARDLINK, &m),
                  SSH_FX_FAILURE);
    expect_status(rig_path(r, SFTP_REMOVE, "file"), SSH_FX_OK);
    rig_check_file(r, "second", "hello");
}

/* ---- links ---- */

static void
symlink_arguments_come_in_the_peers_order(void **state)
{
    static const struct {
        const char *peer;
        enum sftp_symlink_order order;
        bool link_first;
    } cases[] = {
        {"OpenSSH_9.2p1", SFTP_SYMLINK_BY_PEER, false},
        {"", SFTP_SYMLINK_BY_PEER, false},
        {"paramiko_3.0", SFTP_SYMLINK_BY_PEER, false},
        {"WinSCP_release_6.1", SFTP_SYMLINK_BY_PEER, true},
        {"AsyncSSH_2.13", SFTP_SYMLINK_BY_PEER, true},
        {"AsyncSSH_2.13", SFTP_SYMLINK_TARGET_FIRST, false},
        {"OpenSSH_9.2p1", SFTP_SYMLINK_LINK_FIRST, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_init(&r, NULL);
        r.config.peer_software = cases[i].peer;
        r.config.symlink_order = cases[i].order;
        rig_start(&r);
        expect_status(cases[i].link_first ? make_link(&r, "/l", "../target")
                                          : make_link(&r, "../target", "/l"),
                      SSH_FX_OK);
        expect_name(rig_path(&r, SFTP_READLINK, "/l"), "../target");
        rig_clear(&r);
    }
}

static void
links_are_followed_inside_and_nowhere_else(void **state)
{
    struct rig *r = *state;
    expect_status(make_link(r, "dir", "to-dir"), SSH_FX_OK);
    expect_status(make_link(r, "../top", "up"), SSH_FX_OK);
    expect_status(make_link(r, "/top", "absolute"), SSH_FX_OK);
    expect_status(make_link(r, "../../../etc/passwd", "out"), SSH_FX_OK);
    expect_status(make_link(r, "loop", "loop"), SSH_FX_OK);
    expect_name(rig_path(r, SFTP_REALPATH, "to-dir"), "/home/dir");
    expect_name(rig_path(r, SFTP_REALPATH, "up"), "/top");
    rig_check_file(r, "up", "t");
    struct reply got = rig_open(r, "absolute", SSH_FXF_READ);
    expect_status(got, SSH_FX_PERMISSION_DENIED);
    expect_text(got, "out of the shared folder");
    expect_status(rig_open(r, "out", SSH_FXF_READ), SSH_FX_PERMISSION_DENIED);
    expect_status(rig_path(r, SFTP_REALPATH, "out"), SSH_FX_PERMISSION_DENIED);
    expect_status(rig_path(r, SFTP_STAT, "loop"), SSH_FX_NO_SUCH_FILE);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_LSTAT, "out")).permissions & S_IFMT,
                     S_IFLNK);
    expect_name(rig_path(r, SFTP_READLINK, "out"), "../../../etc/passwd");
    expect_status(rig_path(r, SFTP_REMOVE, "to-dir"), SSH_FX_OK); /* the link itself */
    expect_attrs(rig_path(r, SFTP_STAT, "dir"));
    expect_text(rig_path(r, SFTP_READLINK, "file"), "Not a symbolic link");
}

/* ---- attributes ---- */

static struct reply
set_attrs(struct rig *r, const char *path, struct sftp_attrs attrs)
{
    struct sftp_msg_setstat m = {.path = bytes_str(path), .attrs = attrs};
    return rig_ask(r, SFTP_SETSTAT, &m);
}

static void
setstat_sets_size_mode_and_times(void **state)
{
    struct rig *r = *state;
    struct sftp_attrs a = {.flags = SFTP_ATTR_SIZE | SFTP_ATTR_PERMISSIONS |
                                    SFTP_ATTR_ACMODTIME,
                           .size = 3,
                           .permissions = 0100640,
                           .atime = 5,
                           .mtime = 4000000000U};
    expect_status(set_attrs(r, "file", a), SSH_FX_OK);
    struct sftp_attrs got = expect_attrs(rig_path(r, SFTP_STAT, "file"));
    assert_int_equal(got.size, 3);
    assert_int_equal(got.permissions, 0100640);
    assert_int_equal(got.atime, 5);
    assert_int_equal(got.mtime, 4000000000U);
    rig_check_file(r, "file", "hel");
}

static void
setstat_tries_all_and_reports_a_failure(void **state)
{
    struct rig *r = *state;
    struct sftp_attrs a = {
        .flags = SFTP_ATTR_UIDGID | SFTP_ATTR_PERMISSIONS, .uid = 7, .permissions = 0600};
    struct reply got = set_attrs(r, "file", a);
    expect_status(got, SSH_FX_PERMISSION_DENIED);
    expect_text(got, "Owner");
    assert_int_equal(expect_attrs(rig_path(r, SFTP_STAT, "file")).permissions, 0100600);
    got = set_attrs(
        r, "file",
        (struct sftp_attrs){.flags = SFTP_ATTR_PERMISSIONS, .permissions = 06777});
    expect_status(got, SSH_FX_PERMISSION_DENIED);
    expect_status(set_attrs(r, "dir", (struct sftp_attrs){.flags = SFTP_ATTR_SIZE}),
                  SSH_FX_FAILURE);
}

static void
lsetstat_changes_the_link_itself(void **state)
{
    struct rig *r = *state;
    expect_status(make_link(r, "file", "link"), SSH_FX_OK);
    struct sftp_msg_ext_lsetstat m = {
        .path = BYTES_LIT("link"),
        .attrs = {.flags = SFTP_ATTR_ACMODTIME, .atime = 1, .mtime = 2}};
    expect_status(rig_extended(r, "lsetstat@openssh.com", SFTP_EXT_LSETSTAT, &m),
                  SSH_FX_OK);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_LSTAT, "link")).mtime, 2);
    assert_int_not_equal(expect_attrs(rig_path(r, SFTP_STAT, "link")).mtime, 2);
    m.attrs.flags = SFTP_ATTR_SIZE;
    expect_status(rig_extended(r, "lsetstat@openssh.com", SFTP_EXT_LSETSTAT, &m),
                  SSH_FX_BAD_MESSAGE);
}

static void
attributes_with_unknown_bits_or_a_lying_count_are_a_bad_message(void **state)
{
    static const struct {
        uint32_t flags, count;
    } cases[] = {{0x00000010, 0},
                 {0x00000100, 0},
                 {0x40000000, 0},
                 {0x80000000, 1},
                 {0x80000000, 0xffffffff}};
    struct rig *r = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 100);
        buf_put_u8(&b, SSH_FXP_SETSTAT);
        put_u32(&b, 9);
        put_cstring(&b, "file");
        put_u32(&b, cases[i].flags);
        put_u32(&b, cases[i].count);
        expect_status(rig_payload(r, buf_bytes(&b)), SSH_FX_BAD_MESSAGE);
        buf_clear(&b);
    }
}

/* ---- listings ---- */

struct listing {
    unsigned n_names, n_replies, n_dots;
    size_t largest; /* octets of the largest reply's body */
    char longname[512];
};

/* Read a directory to its end; the long name of `wanted` is kept. */
static struct listing
list(struct rig *r, const char *path, const char *wanted)
{
    struct listing l = {0};
    struct rig_handle h = rig_must_opendir(r, path);
    for (;;) {
        struct reply got = rig_handle(r, SFTP_READDIR, &h);
        if (got.type == SSH_FXP_STATUS) {
            expect_status(got, SSH_FX_EOF);
            break;
        }
        assert_int_equal(got.type, SSH_FXP_NAME);
        struct cursor c = cursor_of(got.body);
        uint32_t count = cursor_u32(&c);
        assert_true(count != 0);
        l.n_replies++;
        l.n_names += count;
        if (got.body.n > l.largest)
            l.largest = got.body.n;
        for (uint32_t i = 0; i < count; i++) {
            struct bytes name = cursor_string(&c), longname = cursor_string(&c);
            assert_int_equal(cursor_attrs(&c).flags, 0x0f);
            if (bytes_eq_str(name, ".") || bytes_eq_str(name, ".."))
                l.n_dots++;
            if (wanted && bytes_eq_str(name, wanted))
                snprintf(l.longname, sizeof l.longname, "%.*s", (int)longname.n,
                         (const char *)longname.p);
        }
        assert_true(cursor_is_done(&c));
    }
    expect_status(rig_handle(r, SFTP_READDIR, &h), SSH_FX_EOF); /* and again */
    rig_must_close(r, &h);
    return l;
}

static void
a_listing_holds_dots_and_ends_with_eof(void **state)
{
    struct rig *r = *state;
    struct listing l = list(r, ".", NULL);
    assert_int_equal(l.n_names, 4);
    assert_int_equal(l.n_dots, 2);
    l = list(r, "dir", NULL);
    assert_int_equal(l.n_names, 2);
    expect_status(rig_path(r, SFTP_OPENDIR, "file"), SSH_FX_NO_SUCH_FILE);
}

static void
longname_is_a_line_of_ls(void **state)
{
    static const struct {
        struct sftp_attrs attrs;
        const char *line;
    } cases[] = {
        {{.flags = 0xc, .permissions = 0644, .mtime = 1699999999},
         "-rw-r--r--    1 root     root            5 Nov 14 22:13 file"},
        {{.flags = 0xc, .permissions = 0421, .mtime = 1000000000},
         "-r---w---x    1 root     root            5 Sep  9  2001 file"},
        {{.flags = 0xc, .permissions = 0777, .mtime = 1700000001},
         "-rwxrwxrwx    1 root     root            5 Nov 14  2023 file"},
        {{.flags = 0xc, .permissions = 0, .mtime = 0},
         "----------    1 root     root            5 Jan  1  1970 file"},
    };
    struct rig *r = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_status(set_attrs(r, "file", cases[i].attrs), SSH_FX_OK);
        assert_string_equal(list(r, ".", "file").longname, cases[i].line);
    }
    expect_status(make_link(r, "file", "link"), SSH_FX_OK);
    assert_int_equal(list(r, ".", "link").longname[0], 'l');
    assert_int_equal(list(r, ".", "dir").longname[0], 'd');
}

static void
a_failure_in_the_middle_of_a_listing_is_told(void **state)
{
    struct rig *r = *state;
    struct rig_handle h = rig_must_opendir(r, ".");
    mem_vfs_set_fault(r->vfs, &(struct mem_fault){MEM_OP_READDIR, 1, EIO, 0});
    expect_status(rig_handle(r, SFTP_READDIR, &h), SSH_FX_FAILURE);
    assert_int_equal(rig_handle(r, SFTP_READDIR, &h).type, SSH_FXP_NAME);
}

/* A directory of a million names that nobody holds: only readdir counts. */
struct endless {
    struct vfs vfs;
    unsigned told, total;
    char name[VFS_COMPONENT_MAX + 1];
};

static int
endless_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    (void)path;
    *dir = (struct vfs_dir *)v;
    return 0;
}

static int
endless_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    struct endless *e = (struct endless *)v;
    (void)dir;
    *entry = (struct vfs_entry){0};
    if (e->told == e->total)
        return 0;
    int n = snprintf(e->name, sizeof e->name, "%0*u", (int)(e->told % 255 + 1), e->told);
    e->told++;
    entry->name = bytes_first(bytes_of(e->name, (size_t)n), VFS_COMPONENT_MAX);
    entry->stat = (struct vfs_stat){.size = UINT64_MAX,
                                    .nlink = UINT64_MAX,
                                    .uid = UINT32_MAX,
                                    .gid = UINT32_MAX,
                                    .mode = S_IFREG | 07777,
                                    .mtime = INT32_MAX};
    return 0;
}

static void
endless_closedir(struct vfs *v, struct vfs_dir *dir)
{
    (void)v, (void)dir;
}

static void
endless_free(struct vfs *v)
{
    (void)v;
}

static void
a_million_names_are_listed_in_bounded_replies(void **state)
{
    static const struct vfs_ops ops = {.opendir = endless_opendir,
                                       .readdir = endless_readdir,
                                       .closedir = endless_closedir,
                                       .free = endless_free};
    (void)state;
    struct endless tree = {.vfs.ops = &ops, .total = 1000000};
    struct rig r;
    rig_init(&r, &tree.vfs);
    rig_start(&r);
    struct listing l = list(&r, "/", NULL);
    assert_int_equal(l.n_names, 1000000);
    assert_true(l.largest <= 65536);
    assert_true(l.n_names / l.n_replies >= 100);
    rig_clear(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(realpath_is_absolute_and_stays_inside),
        T(names_that_no_file_can_have_are_refused_and_nothing_more),
        T(a_missing_path_is_no_such_file_for_every_request),
        T(directories_are_made_and_removed),
        T(rename_never_overwrites_and_posix_rename_does),
        T(hardlink_gives_a_second_name),
        cmocka_unit_test(symlink_arguments_come_in_the_peers_order),
        T(links_are_followed_inside_and_nowhere_else),
        T(setstat_sets_size_mode_and_times),
        T(setstat_tries_all_and_reports_a_failure),
        T(lsetstat_changes_the_link_itself),
        T(attributes_with_unknown_bits_or_a_lying_count_are_a_bad_message),
        T(a_listing_holds_dots_and_ends_with_eof),
        T(longname_is_a_line_of_ls),
        T(a_failure_in_the_middle_of_a_listing_is_told),
        cmocka_unit_test(a_million_names_are_listed_in_bounded_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
