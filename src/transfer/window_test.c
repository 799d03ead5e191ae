/* The window: large from the start, and as large as the path in the end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "transfer/window.h"

static void
a_window_has_room_up_to_its_limit(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 1000, 0);
    assert_true(window_has_room(&w, 1000));
    window_charge(&w, 600);
    assert_true(window_has_room(&w, 400));
    assert_false(window_has_room(&w, 401));
}

static void
one_request_always_has_room(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 1000, 0);
    assert_true(window_has_room(&w, 261120));
    window_charge(&w, 261120);
    assert_false(window_has_room(&w, 1));
    window_credit(&w, 1, 0, 261120);
    assert_true(window_has_room(&w, 1));
}

/* A path of that round trip and rate, with the window always full. */
static uint64_t
limit_after(uint64_t round_trip_ms, uint64_t octets_per_ms, uint64_t max)
{
    struct window w;
    window_init(&w, WINDOW_START, max);
    uint64_t free_at = 0;
    for (uint64_t sent = 0; sent < 5000; sent += round_trip_ms) {
        uint64_t octets = w.limit;
        while (octets != 0) {
            uint32_t len = octets < 100000 ? (uint32_t)octets : 100000;
            window_charge(&w, len);
            uint64_t done = sent + round_trip_ms;
            free_at = (free_at > sent ? free_at : sent) + len / octets_per_ms;
            window_credit(&w, done > free_at ? done : free_at, sent, len);
            octets -= len;
        }
    }
    return w.limit;
}

static void
a_long_path_grows_the_window_to_its_bound(void **state)
{
    (void)state;
    assert_int_equal(limit_after(200, 1000000, 0), WINDOW_MAX);
    assert_int_equal(limit_after(200, 1000000, 6 << 20), 6 << 20);
}

static void
a_slow_path_needs_no_more_than_the_start(void **state)
{
    (void)state;
    assert_int_equal(limit_after(10, 1000, 0), WINDOW_START);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_has_room_up_to_its_limit),
        cmocka_unit_test(one_request_always_has_room),
        cmocka_unit_test(a_long_path_grows_the_window_to_its_bound),
        cmocka_unit_test(a_slow_path_needs_no_more_than_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
