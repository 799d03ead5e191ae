/* Shares of an account's rates: properties rather than figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "daemon/rates.h"

/* ---- rates_share ---- */

static void
shares_never_pass_the_limit_and_are_never_nothing(void **state)
{
    static const uint64_t limits[] = {
        1, 2, 7, 1000, 65536, 1 << 20, UINT64_C(1) << 40, UINT64_MAX};
    uint32_t dice = 4711;
    (void)state;
    for (int round = 0; round < 4000; round++) {
        struct rate_share s[40];
        uint64_t limit = limits[round % (int)ARRAY_LEN(limits)];
        size_t n = 1 + (size_t)round % ARRAY_LEN(s);
        for (size_t i = 0; i < n; i++) {
            dice = dice * 1664525u + 1013904223u;
            uint64_t size = UINT64_C(1) << (dice >> 26);
            s[i].moved = dice & 256 ? 0 : (dice >> 8) % size;
            dice = dice * 1664525u + 1013904223u;
            s[i].share = dice & 256 ? 0 : (dice >> 8) % size;
        }
        rates_share(limit, s, n);
        uint64_t left = limit > n ? limit : n; /* sums of 64 bits might wrap: subtract */
        for (size_t i = 0; i < n; i++) {
            assert_true(s[i].share >= 1);
            assert_true(s[i].share <= left);
            left -= s[i].share;
        }
    }
}

static void
single_session_has_the_whole_limit(void **state)
{
    static const uint64_t moved[] = {0, 1, 5000, 1000000};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        struct rate_share s = {.moved = moved[i], .share = 1000000};
        rates_share(1000000, &s, 1);
        assert_int_equal(s.share, 1000000);
    }
}

static void
busy_sessions_share_evenly(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 64; n++) {
        struct rate_share s[64];
        for (size_t i = 0; i < n; i++)
            s[i] = (struct rate_share){.moved = 1000000, .share = 1000000};
        rates_share(6400000, s, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(s[i].share, 6400000 / n);
    }
}

static void
idle_sessions_can_begin_and_leave_the_rest(void **state)
{
    struct rate_share s[4] = {{.moved = 10000000, .share = 10000000}};
    (void)state;
    rates_share(10000000, s, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_true(s[i].share >= 64 * 1024);
        assert_true(s[i].share <= 10000000 / 16);
    }
    assert_true(s[0].share >= 10000000 / 4 * 3);
}

static void
what_a_slow_session_leaves_goes_to_the_busy_ones(void **state)
{
    struct rate_share s[3] = {{.moved = 100000, .share = 3000000},
                              {.moved = 3000000, .share = 3000000},
                              {.moved = 3000000, .share = 3000000}};
    (void)state;
    rates_share(9000000, s, 3);
    assert_true(s[0].share >= 100000);
    assert_true(s[1].share > 4000000);
    assert_int_equal(s[1].share, s[2].share);
}

/* A session that was slow and is not any more has its even part within some turns. */
static void
session_that_speeds_up_gets_its_part_soon(void **state)
{
    struct rate_share s[2] = {{.moved = 1000, .share = 0},
                              {.moved = 8000000, .share = 0}};
    (void)state;
    for (int turn = 0; turn < 12; turn++) {
        rates_share(8000000, s, 2);
        s[0].moved = s[0].share; /* both take all they may */
        s[1].moved = s[1].share;
    }
    assert_true(s[0].share >= 3900000);
}

/* ---- rates_turn ---- */

enum { PLACES = 64 };

struct rig {
    struct admission *a;
    struct rates *r;
    struct board_page *pages;
    uint64_t now_ms;
};

static int
set_up(void **state)
{
    static const struct admission_limits limits = {
        .connections = PLACES, .begin = 100, .full = 100, .per_source = 100, .bits4 = 32};
    struct rig *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->a = calloc(1, sizeof *g->a);
    g->r = rates_new();
    void *pages = mmap(NULL, (size_t)PLACES * BOARD_PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g->a && g->r && pages != MAP_FAILED);
    g->pages = pages;
    g->now_ms = 1000;
    admission_init(g->a, &limits);
    *state = g;
    return 0;
}

static int
tear_down(void **state)
{
    struct rig *g = *state;
    munmap(g->pages, (size_t)PLACES * BOARD_PAGE);
    rates_free(g->r);
    free(g->a);
    free(g);
    return 0;
}

static struct admission_place *
log_in(struct rig *g, const char *account, uint64_t upload, uint64_t download)
{
    struct net_addr peer;
    const struct admission_time now = {.now_ms = g->now_ms};
    assert_int_equal(net_addr_parse("192.0.2.1:5", 0, &peer), ERR_NONE);
    struct admission_place *p = admission_enter(g->a, &peer, &now);
    assert_true(admission_authenticated(g->a, p->id, account, "password", &now));
    p->upload_rate = upload;
    p->download_rate = download;
    return p;
}

static struct board_page *
page_of(struct rig *g, const struct admission_place *p)
{
    return board_at(g->pages, admission_index(g->a, p));
}

static void
turn(struct rig *g)
{
    g->now_ms += 250;
    rates_turn(g->r, g->a, g->pages, g->now_ms);
}

static void
rate_is_what_moved_in_the_last_second(void **state)
{
    struct rig *g = *state;
    struct admission_place *p = log_in(g, "alice", 0, 0);
    uint32_t i = admission_index(g->a, p);
    turn(g);
    for (int k = 0; k < 8; k++) {
        atomic_fetch_add(&page_of(g, p)->octets_in, 1000);
        atomic_fetch_add(&page_of(g, p)->octets_out, 250);
        turn(g);
    }
    assert_int_equal(rates_in(g->r, i, p->id), 4000);
    assert_int_equal(rates_out(g->r, i, p->id), 1000);
    assert_int_equal(rates_idle_ms(g->r, i, p->id, g->now_ms + 7), 7);
    for (int k = 0; k < 4; k++)
        turn(g);
    assert_int_equal(rates_in(g->r, i, p->id), 0);
    assert_int_equal(rates_idle_ms(g->r, i, p->id, g->now_ms), 1000);
    assert_int_equal(rates_in(g->r, i, p->id + 1), 0);
    assert_int_equal(atomic_load(&page_of(g, p)->upload_share), 0); /* no limit */
}

static void
account_limit_is_shared_by_its_sessions_alone(void **state)
{
    struct rig *g = *state;
    struct admission_place *one = log_in(g, "alice", 1000000, 0);
    struct admission_place *other = log_in(g, "alice", 1000000, 0);
    struct admission_place *bob = log_in(g, "bob", 500000, 700000);
    turn(g);
    uint64_t a = atomic_load(&page_of(g, one)->upload_share);
    uint64_t b = atomic_load(&page_of(g, other)->upload_share);
    assert_true(a >= 1 && b >= 1 && a + b <= 1000000);
    assert_int_equal(atomic_load(&page_of(g, one)->download_share), 0);
    assert_int_equal(atomic_load(&page_of(g, bob)->upload_share), 500000);
    assert_int_equal(atomic_load(&page_of(g, bob)->download_share), 700000);
    /* A later login was told of a new limit: it holds for all of them. */
    g->now_ms += 10;
    struct admission_place *late = log_in(g, "alice", 0, 300000);
    turn(g);
    assert_int_equal(atomic_load(&page_of(g, one)->upload_share), 0);
    assert_true(atomic_load(&page_of(g, one)->download_share) +
                    atomic_load(&page_of(g, other)->download_share) +
                    atomic_load(&page_of(g, late)->download_share) <=
                300000);
}

static void
totals_outlive_sessions_and_never_go_down(void **state)
{
    struct rig *g = *state;
    uint64_t in, out;
    struct admission_place *p = log_in(g, "alice", 0, 0);
    atomic_store(&page_of(g, p)->octets_in, 5000);
    turn(g);
    atomic_store(&page_of(g, p)->octets_in, 3000); /* hostile: it went back */
    turn(g);
    atomic_store(&page_of(g, p)->octets_in, 3500);
    atomic_store(&page_of(g, p)->octets_out, 7);
    rates_leave(g->r, g->a, p, g->pages);
    rates_totals(g->r, &in, &out);
    assert_int_equal(in, 5500);
    assert_int_equal(out, 7);
    atomic_store(&page_of(g, p)->octets_in, UINT64_MAX); /* hostile: a leap */
    turn(g);
    rates_totals(g->r, &in, &out);
    assert_int_equal(in, 5500 + (UINT64_C(1) << 40));
}

static void
next_connection_of_a_place_begins_at_nothing(void **state)
{
    struct rig *g = *state;
    uint64_t in, out;
    struct admission_place *p = log_in(g, "alice", 0, 0);
    uint32_t i = admission_index(g->a, p);
    assert_true(admission_started(g->a, p->id, ADMISSION_SESSION, 77));
    atomic_store(&page_of(g, p)->octets_in, 5000);
    turn(g);
    rates_leave(g->r, g->a, p, g->pages);
    assert_true(admission_ended(g->a, 77));
    board_reset(board_at(g->pages, i));
    p = log_in(g, "bob", 0, 0);
    assert_int_equal(admission_index(g->a, p), i);
    assert_int_equal(rates_in(g->r, i, p->id), 0);
    atomic_store(&page_of(g, p)->octets_in, 100);
    turn(g);
    rates_totals(g->r, &in, &out);
    assert_int_equal(in, 5100);
}

static void
calls_in_quick_succession_do_nothing(void **state)
{
    struct rig *g = *state;
    struct admission_place *p = log_in(g, "alice", 0, 0);
    turn(g);
    atomic_store(&page_of(g, p)->octets_in, 1000);
    rates_turn(g->r, g->a, g->pages, g->now_ms);
    rates_turn(g->r, g->a, g->pages, g->now_ms + 99);
    assert_int_equal(rates_in(g->r, admission_index(g->a, p), p->id), 0);
    rates_turn(g->r, g->a, g->pages, g->now_ms + 100);
    assert_int_equal(rates_in(g->r, admission_index(g->a, p), p->id), 10000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_never_pass_the_limit_and_are_never_nothing),
        cmocka_unit_test(single_session_has_the_whole_limit),
        cmocka_unit_test(busy_sessions_share_evenly),
        cmocka_unit_test(idle_sessions_can_begin_and_leave_the_rest),
        cmocka_unit_test(what_a_slow_session_leaves_goes_to_the_busy_ones),
        cmocka_unit_test(session_that_speeds_up_gets_its_part_soon),
        cmocka_unit_test_setup_teardown(rate_is_what_moved_in_the_last_second, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(account_limit_is_shared_by_its_sessions_alone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(totals_outlive_sessions_and_never_go_down, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(next_connection_of_a_place_begins_at_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_in_quick_succession_do_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
