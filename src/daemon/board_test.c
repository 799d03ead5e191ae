/* The board: what sessions write and the listener believes (threats S2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/board.h"

enum { PAGES = 8 };

struct rig {
    int fd;
    struct board_page *all;
};

static int
set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(board_new(PAGES, &r->fd), ERR_NONE);
    r->all = board_map_all(r->fd, PAGES);
    assert_non_null(r->all);
    *state = r;
    return 0;
}

static int
tear_down(void **state)
{
    struct rig *r = *state;
    munmap(r->all, (size_t)PAGES * BOARD_PAGE);
    close(r->fd);
    free(r);
    return 0;
}

static void
file_in_hand_is_seen_by_the_listener(void **state)
{
    struct rig *r = *state;
    struct board_view view;
    struct board_page *mine = board_map_one(r->fd, 5);
    assert_non_null(mine);
    board_set_client(mine, BYTES_LIT("OpenSSH_9.2"));
    board_set_file(mine, BYTES_LIT("/a/b"), 2, 1000);
    atomic_store(&mine->octets_in, 77);
    atomic_store(&mine->file_offset, 500);
    assert_true(board_read(board_at(r->all, 5), &view));
    assert_int_equal(view.octets_in, 77);
    assert_int_equal(view.file_size, 1000);
    assert_int_equal(view.file_offset, 500);
    assert_int_equal(view.file_flags, 2);
    assert_true(bytes_eq_str(bytes_of(view.path, view.path_len), "/a/b"));
    assert_true(bytes_eq_str(bytes_of(view.client, view.client_len), "OpenSSH_9.2"));
    board_clear_file(mine);
    assert_true(board_read(board_at(r->all, 5), &view));
    assert_int_equal(view.path_len + view.file_flags + view.file_size, 0);
    assert_int_equal(view.client_len, 11);
    munmap(mine, BOARD_PAGE);
}

static void
pages_do_not_touch_each_other(void **state)
{
    struct rig *r = *state;
    struct board_view view;
    struct board_page *mine = board_map_one(r->fd, 3);
    assert_non_null(mine);
    memset(mine, 0xff, BOARD_PAGE);
    for (uint32_t i = 0; i < PAGES; i++) {
        bool is_whole = board_read(board_at(r->all, i), &view);
        assert_int_equal(is_whole, i != 3); /* an odd change: never finished */
        assert_int_equal(view.octets_in, i == 3 ? UINT64_MAX : 0);
    }
    board_reset(board_at(r->all, 3));
    assert_true(board_read(mine, &view));
    assert_int_equal(view.octets_in, 0);
    munmap(mine, BOARD_PAGE);
}

static void
long_paths_are_cut(void **state)
{
    struct rig *r = *state;
    struct board_view view;
    uint8_t path[BOARD_PATH_MAX + 100];
    memset(path, 'p', sizeof path);
    board_set_file(r->all, bytes_of(path, sizeof path), 1, 0);
    board_set_client(r->all, bytes_of(path, sizeof path));
    assert_true(board_read(r->all, &view));
    assert_int_equal(view.path_len, BOARD_PATH_MAX);
    assert_int_equal(view.client_len, BOARD_CLIENT_MAX);
}

static void
lengths_that_a_session_wrote_are_not_believed(void **state)
{
    struct rig *r = *state;
    static const uint32_t lengths[] = {BOARD_PATH_MAX + 1, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct board_view view;
        r->all->path_len = r->all->client_len = lengths[i];
        assert_true(board_read(r->all, &view));
        assert_int_equal(view.path_len, BOARD_PATH_MAX);
        assert_int_equal(view.client_len, BOARD_CLIENT_MAX);
    }
}

static void
text_that_is_never_finished_costs_only_itself(void **state)
{
    struct rig *r = *state;
    struct board_view view;
    board_set_file(r->all, BYTES_LIT("/a"), 1, 10);
    atomic_store(&r->all->octets_out, 9);
    atomic_store(&r->all->change, 7);
    assert_false(board_read(r->all, &view));
    assert_int_equal(view.path_len + view.file_flags, 0);
    assert_int_equal(view.octets_out, 9);
    /* An honest writer finishes it. */
    board_set_file(r->all, BYTES_LIT("/b"), 1, 10);
    assert_true(board_read(r->all, &view));
    assert_int_equal(view.path[1], 'b');
}

/* A path of one letter repeated, again and again another one. */
static void
write_letters(struct board_page *p)
{
    uint8_t path[BOARD_PATH_MAX];
    for (uint32_t i = 0;; i++) {
        uint32_t letter = i % 26;
        memset(path, (int)('a' + letter), sizeof path);
        board_set_file(p, bytes_of(path, 100 + letter), letter + 1, letter);
    }
}

static void
what_is_read_was_written_in_one_go(void **state)
{
    struct rig *r = *state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_letters(board_map_one(r->fd, 1));
    unsigned n_whole = 0;
    for (int i = 0; i < 200000 && n_whole < 2000; i++) {
        struct board_view view;
        if (!board_read(board_at(r->all, 1), &view) || view.path_len == 0)
            continue;
        n_whole++;
        uint8_t letter = (uint8_t)(view.path[0] - 'a');
        assert_int_equal(view.path_len, 100u + letter);
        assert_int_equal(view.file_flags, letter + 1u);
        assert_int_equal(view.path[view.path_len - 1], view.path[0]);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(n_whole > 0);
}

static void
board_cannot_be_resized(void **state)
{
    struct rig *r = *state;
    assert_int_not_equal(ftruncate(r->fd, 0), 0);
    assert_int_not_equal(ftruncate(r->fd, (off_t)2 * PAGES * BOARD_PAGE), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(file_in_hand_is_seen_by_the_listener, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pages_do_not_touch_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_paths_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lengths_that_a_session_wrote_are_not_believed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_that_is_never_finished_costs_only_itself,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_read_was_written_in_one_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(board_cannot_be_resized, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
