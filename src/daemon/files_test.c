/* Trust in files, and where things lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/files.h"
#include "daemon/settings.h"

static char root[64];

static int
set_up(void **state)
{
    (void)state;
    umask(022);
    strcpy(root, "/tmp/ferry-files-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int
tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static const char *
path_of(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static const char *
make_file(const char *name, mode_t mode)
{
    const char *path = path_of(name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text\n", 5), 5);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static enum err
read_with(const char *path, enum file_trust trust, size_t max)
{
    struct buf out;
    struct fault why = {0};
    buf_init(&out, max);
    enum err err = file_read(path, trust, &out, &why);
    if (err == ERR_NONE)
        assert_true(bytes_eq_str(buf_bytes(&out), "text\n"));
    else
        assert_true(why.text[0] != 0);
    buf_clear(&out);
    return err;
}

static void
modes_decide_about_trust(void **state)
{
    static const struct {
        mode_t mode;
        enum err as_secret, as_trusted;
    } cases[] = {
        {0600, ERR_NONE, ERR_NONE}, {0400, ERR_NONE, ERR_NONE},
        {0644, ERR_AUTH, ERR_NONE}, {0640, ERR_AUTH, ERR_NONE},
        {0604, ERR_AUTH, ERR_NONE}, {0620, ERR_AUTH, ERR_AUTH},
        {0602, ERR_AUTH, ERR_AUTH}, {0666, ERR_AUTH, ERR_AUTH},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path = make_file("file", cases[i].mode);
        assert_int_equal(read_with(path, FILE_SECRET, 100), cases[i].as_secret);
        assert_int_equal(read_with(path, FILE_TRUSTED, 100), cases[i].as_trusted);
    }
}

static void
directory_open_to_others_spoils_its_files(void **state)
{
    char file[PATH_MAX];
    (void)state;
    assert_int_equal(mkdir(path_of("open"), 0755), 0);
    snprintf(file, sizeof file, "%s", make_file("open/file", 0600));
    assert_int_equal(read_with(file, FILE_SECRET, 100), ERR_NONE);
    assert_int_equal(chmod(path_of("open"), 0777), 0);
    assert_int_equal(read_with(file, FILE_SECRET, 100), ERR_AUTH);
    assert_int_equal(chmod(path_of("open"), 01777), 0); /* sticky, as /tmp */
    assert_int_equal(read_with(file, FILE_SECRET, 100), ERR_NONE);
}

static void
what_is_no_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(read_with(path_of("fifo"), FILE_SECRET, 100), ERR_AUTH);
    assert_int_equal(read_with(root, FILE_SECRET, 100), ERR_AUTH);
    assert_int_equal(read_with("/dev/zero", FILE_TRUSTED, 100), ERR_AUTH);
    assert_int_equal(read_with(path_of("missing"), FILE_SECRET, 100), ERR_IO);
}

static void
size_is_bounded(void **state)
{
    (void)state;
    const char *path = make_file("file", 0600);
    assert_int_equal(read_with(path, FILE_SECRET, 5), ERR_NONE);
    assert_int_equal(read_with(path, FILE_SECRET, 4), ERR_LIMIT);
}

static void
secret_is_created_once_and_private(void **state)
{
    struct fault why = {0}, again = {0};
    struct stat st;
    (void)state;
    umask(0);
    assert_int_equal(file_create_secret(path_of("key"), BYTES_LIT("text\n"), &why),
                     ERR_NONE);
    umask(022);
    assert_int_equal(stat(path_of("key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(file_create_secret(path_of("key"), BYTES_LIT("other"), &again),
                     ERR_LIMIT);
    assert_int_equal(read_with(path_of("key"), FILE_SECRET, 100), ERR_NONE);
}

static void
state_directory_follows_xdg(void **state)
{
    char path[PATH_MAX], home[PATH_MAX], wanted[PATH_MAX];
    struct fault why = {0};
    struct stat st;
    (void)state;
    snprintf(home, sizeof home, "%s/home", root);
    snprintf(wanted, sizeof wanted, "%s/home/.local/state/ferry", root);
    assert_int_equal(file_state_dir("relative", home, path, &why), ERR_NONE);
    assert_string_equal(path, wanted);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(home, sizeof home, "%s/xdg", root);
    snprintf(wanted, sizeof wanted, "%s/xdg/ferry", root);
    assert_int_equal(file_state_dir(home, "/nonexistent", path, &why), ERR_NONE);
    assert_string_equal(path, wanted);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(file_state_dir(home, NULL, path, &why), ERR_AUTH);
    why = (struct fault){0};
    assert_int_equal(file_state_dir(NULL, NULL, path, &why), ERR_IO);
}

static void
paths_are_related_by_components(void **state)
{
    static const struct {
        const char *dir, *target;
        enum path_relation relation;
        const char *relative;
    } cases[] = {
        {"/a", "/a", PATH_IS_DIR, NULL},    {"/a", "/a/b", PATH_INSIDE, "b"},
        {"/a", "/ab", PATH_APART, NULL},    {"/ab", "/a", PATH_APART, NULL},
        {"/a/b", "/a", PATH_ABOVE, NULL},   {"/", "/a/b", PATH_INSIDE, "a/b"},
        {"/a", "/", PATH_ABOVE, NULL},      {"/", "/", PATH_IS_DIR, NULL},
        {"/a/b", "/a/c", PATH_APART, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *relative;
        assert_int_equal(path_relate(cases[i].dir, cases[i].target, &relative),
                         cases[i].relation);
        if (cases[i].relative)
            assert_string_equal(relative, cases[i].relative);
        else
            assert_null(relative);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_decide_about_trust),
        cmocka_unit_test(directory_open_to_others_spoils_its_files),
        cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(secret_is_created_once_and_private),
        cmocka_unit_test(state_directory_follows_xdg),
        cmocka_unit_test(paths_are_related_by_components),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
