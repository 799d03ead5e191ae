/* Tests of throttle.h. */
#include "daemon/throttle.h"

#include "base/base_test.h"

enum { RATE = 1000 * 1000, STEP = 32 * 1024 };

/* Move STEP octets whenever it is allowed, for so many virtual milliseconds. */
static uint64_t
moved_in(uint64_t total_ms, uint64_t rate)
{
    struct throttle t = {0};
    uint64_t moved = 0;
    for (uint64_t now = 1; now < total_ms;) {
        uint64_t wait = throttle_turn(&t, (struct throttle_use){moved, rate},
                                      (struct throttle_use){0}, now);
        if (wait == 0)
            moved += STEP;
        now += wait ? wait : 1;
    }
    return moved;
}

static void
a_rate_holds_on_average(void **state)
{
    (void)state;
    uint64_t moved = moved_in(20 * 1000, RATE);
    assert_in_range(moved, 19 * (uint64_t)RATE, 21 * (uint64_t)RATE);
}

static void
a_rate_far_below_one_request_holds_too(void **state)
{
    (void)state;
    /* A pause has an end, so that such a session still moves: the debt is forgotten. */
    uint64_t moved = moved_in(100 * 1000, 10);
    assert_in_range(moved, STEP, 12 * STEP);
}

static void
no_rate_never_waits(void **state)
{
    (void)state;
    assert_int_equal(moved_in(1000, 0), 999 * (uint64_t)STEP);
}

static void
the_slower_direction_decides(void **state)
{
    (void)state;
    struct throttle t = {0};
    (void)throttle_turn(&t, (struct throttle_use){0, RATE},
                        (struct throttle_use){0, RATE}, 1);
    uint64_t wait = throttle_turn(&t, (struct throttle_use){RATE, RATE},
                                  (struct throttle_use){RATE / 2, RATE}, 2);
    assert_in_range(wait, 950, 1001);
}

/* A session is asked with every packet that comes, whether it may go on or not. */
static void
asking_all_the_time_costs_nothing(void **state)
{
    (void)state;
    struct throttle t = {0};
    uint64_t moved = 0;
    for (uint64_t now = 1; now <= 10 * 1000; now++)
        if (throttle_turn(&t, (struct throttle_use){moved, 999}, (struct throttle_use){0},
                          now) == 0)
            moved += 100;
    assert_in_range(moved, 9 * 999, 11 * 999);
}

static void
extremes_stay_within_bounds(void **state)
{
    (void)state;
    struct throttle t = {0};
    uint64_t wait =
        throttle_turn(&t, (struct throttle_use){UINT64_MAX, 1},
                      (struct throttle_use){UINT64_MAX, UINT64_MAX}, UINT64_MAX);
    assert_in_range(wait, 1, THROTTLE_PAUSE_MAX_MS + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_holds_on_average),
        cmocka_unit_test(a_rate_far_below_one_request_holds_too),
        cmocka_unit_test(no_rate_never_waits),
        cmocka_unit_test(the_slower_direction_decides),
        cmocka_unit_test(asking_all_the_time_costs_nothing),
        cmocka_unit_test(extremes_stay_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
