/* The local side: nothing below a root leads out of it, and parts have names that
 * say what they are parts of. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sftp/names.h"
#include "transfer/local.h"
#include "transfer/part.h"

static char top[64];
static struct local_dir *root;

static int
set_up(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/ferry-local-test.XXXXXX");
    assert_non_null(mkdtemp(top));
    return local_root_open(top, &root);
}

static int
tear_down(void **state)
{
    char command[100];
    (void)state;
    local_dir_unref(root);
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

static struct local_dir *
make_below(struct local_dir *parent, const char *name)
{
    struct local_dir *dir;
    bool is_new;
    assert_int_equal(local_dir_below(parent, name, &dir), 0);
    assert_int_equal(local_dir_make(dir, 0755, &is_new), 0);
    return dir;
}

static void
make_file(struct local_dir *dir, const char *name, const char *text)
{
    int fd;
    assert_int_equal(local_open_over(dir, name, 0644, &fd), 0);
    assert_int_equal(local_write(fd, bytes_str(text), 0), 0);
    assert_int_equal(local_close(fd), 0);
}

static void
a_link_below_the_root_is_no_directory(void **state)
{
    (void)state;
    struct local_dir *dir;
    bool is_new;
    int fd;
    assert_int_equal(local_symlink(root, "sub", "/"), 0);
    assert_int_equal(local_dir_below(root, "sub", &dir), 0);
    assert_int_equal(local_dir_make(dir, 0755, &is_new), ELOOP);
    assert_int_equal(local_open_over(dir, "x", 0644, &fd), ELOOP);
    local_dir_unref(dir);
}

static void
a_link_in_place_of_a_file_is_not_written_through(void **state)
{
    (void)state;
    struct stat st;
    int fd;
    make_file(root, "victim", "safe");
    assert_int_equal(local_symlink(root, "f", "victim"), 0);
    assert_int_equal(local_open_over(root, "f", 0644, &fd), ELOOP);
    assert_int_equal(local_open_part(root, "f", 0644, &fd, &st), ELOOP);
}

static void
a_directory_swapped_for_a_link_is_noticed(void **state)
{
    (void)state;
    char path[100], away[100];
    int fd;
    struct local_dir *dirs[60], *dir = make_below(root, "d");
    make_file(dir, "x", "1");
    for (int i = 0; i < 60; i++) { /* so many that d's descriptor is closed again */
        char name[8];
        snprintf(name, sizeof name, "n%d", i);
        dirs[i] = make_below(root, name);
        make_file(dirs[i], "x", "1");
    }
    snprintf(path, sizeof path, "%s/d", top);
    snprintf(away, sizeof away, "%s/gone", top);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_int_equal(local_open_over(dir, "x", 0644, &fd), ELOOP);
    for (int i = 0; i < 60; i++)
        local_dir_unref(dirs[i]);
    local_dir_unref(dir);
}

static void
pipes_and_directories_are_no_files(void **state)
{
    (void)state;
    char path[100];
    struct stat st;
    int fd;
    snprintf(path, sizeof path, "%s/pipe", top);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_int_equal(local_open_read(root, "pipe", &fd, &st), EINVAL);
    assert_int_equal(local_open_named(path, &fd, &st), EINVAL);
    assert_int_equal(local_open_named(top, &fd, &st), EISDIR);
    local_dir_unref(make_below(root, "d"));
    assert_int_equal(local_open_read(root, "d", &fd, &st), EISDIR);
}

static void
a_part_is_written_by_one_at_a_time(void **state)
{
    (void)state;
    struct stat st;
    int one, two;
    assert_int_equal(local_open_part(root, "p", 0644, &one, &st), 0);
    assert_int_equal(local_open_part(root, "p", 0644, &two, &st), EEXIST);
    local_close(one);
    assert_int_equal(local_open_part(root, "p", 0644, &two, &st), 0);
    local_close(two);
}

static void
modes_lose_setuid_setgid_and_sticky(void **state)
{
    (void)state;
    struct stat st;
    int fd;
    assert_int_equal(local_open_part(root, "p", 07644, &fd, &st), 0);
    assert_int_equal(local_set_mode(fd, 07755), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    local_close(fd);
}

static void
a_read_over_holes_is_whole_up_to_the_end(void **state)
{
    (void)state;
    char a[3], b[4], c[5];
    struct iovec to[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    struct stat st;
    size_t got;
    int fd;
    make_file(root, "f", "0123456789");
    assert_int_equal(local_open_read(root, "f", &fd, &st), 0);
    assert_int_equal(local_read(fd, to, 3, 1, &got), 0);
    assert_int_equal(got, 9);
    assert_memory_equal(a, "123", 3);
    assert_memory_equal(b, "4567", 4);
    assert_memory_equal(c, "89", 2);
    local_close(fd);
}

static void
part_names_tell_versions_apart(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        uint32_t mtime;
        const char *name;
    } cases[] = {{1, 1, "a"}, {2, 1, "a"}, {1, 2, "a"}, {1, 1, "b"}};
    struct buf names[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_init(&names[i], 300);
        part_name(&names[i], bytes_str(cases[i].name), cases[i].size, cases[i].mtime);
        for (size_t j = 0; j < i; j++)
            assert_false(bytes_eq(buf_bytes(&names[i]), buf_bytes(&names[j])));
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        buf_clear(&names[i]);
}

static void
part_names_of_long_names_are_names(void **state)
{
    (void)state;
    uint8_t name[SFTP_NAME_MAX];
    struct buf one, two;
    memset(name, 'x', sizeof name);
    buf_init(&one, 300);
    buf_init(&two, 300);
    part_name(&one, bytes_of(name, sizeof name), 1, 1);
    part_name(&two, bytes_of(name, sizeof name - 1), 1, 1);
    assert_true(sftp_name_is_safe(buf_bytes(&one)));
    assert_false(bytes_eq(buf_bytes(&one), buf_bytes(&two)));
    buf_clear(&one);
    buf_clear(&two);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_link_below_the_root_is_no_directory),
        T(a_link_in_place_of_a_file_is_not_written_through),
        T(a_directory_swapped_for_a_link_is_noticed),
        T(pipes_and_directories_are_no_files),
        T(a_part_is_written_by_one_at_a_time),
        T(modes_lose_setuid_setgid_and_sticky),
        T(a_read_over_holes_is_whole_up_to_the_end),
        cmocka_unit_test(part_names_tell_versions_apart),
        cmocka_unit_test(part_names_of_long_names_are_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
