/* Who may come in (threats T5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/admission.h"

static const struct admission_limits limits = {
    .connections = 512,
    .begin = 20,
    .rate = 30,
    .full = 200,
    .per_source = 10,
    .bits4 = 32,
    .bits6 = 64,
};

static const struct admission_time now = {.now_ms = 5000, .wall_s = 1700000000};

/* Large: in one place for all tests. */
static struct admission a;

static int
set_up(void **state)
{
    (void)state;
    memset(&a, 0xa5, sizeof a); /* admission_init takes any content */
    admission_init(&a, &limits);
    return 0;
}

static struct net_addr
peer_at(const char *text)
{
    struct net_addr peer;
    assert_int_equal(net_addr_parse(text, 40000, &peer), ERR_NONE);
    return peer;
}

/* Each of many sources its own. */
static struct net_addr
peer_number(unsigned i)
{
    char text[32];
    snprintf(text, sizeof text, "10.0.%u.%u", i >> 8 & 255, i & 255);
    return peer_at(text);
}

static uint64_t
enter(unsigned source_number, pid_t pid)
{
    struct net_addr peer = peer_number(source_number);
    uint64_t id = admission_enter(&a, &peer, &now)->id;
    assert_true(admission_started(&a, id, ADMISSION_PRE_AUTH, pid));
    return id;
}

/* dice 0: dropped as soon as anybody is. */
static enum admission_verdict
judge(unsigned source_number, uint32_t dice)
{
    struct net_addr peer = peer_number(source_number);
    return admission_judge(&a, &peer, dice);
}

static bool
log_in(uint64_t id)
{
    return admission_authenticated(&a, id, "alice", "publickey", &now);
}

static void
eleventh_from_a_source_waits_until_one_logs_in(void **state)
{
    uint64_t third = 0;
    (void)state;
    for (pid_t i = 0; i < 10; i++) {
        assert_int_equal(judge(1, 0), ADMISSION_GRANTED);
        uint64_t id = enter(1, 100 + i);
        third = i == 2 ? id : third;
    }
    assert_int_equal(judge(1, 0), ADMISSION_REFUSED_SOURCE);
    assert_int_equal(judge(2, 0), ADMISSION_GRANTED);
    assert_true(log_in(third));
    assert_int_equal(judge(1, 0), ADMISSION_GRANTED);
}

static void
early_drop_rises_to_certainty(void **state)
{
    static const struct {
        unsigned n;
        uint32_t dice;
        enum admission_verdict verdict;
    } cases[] = {
        {19, 0, ADMISSION_GRANTED},           {20, 29, ADMISSION_REFUSED_STARTUP},
        {20, 30, ADMISSION_GRANTED},          {110, 64, ADMISSION_REFUSED_STARTUP},
        {110, 65, ADMISSION_GRANTED},         {199, 98, ADMISSION_REFUSED_STARTUP},
        {200, 99, ADMISSION_REFUSED_STARTUP},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_up(state);
        for (unsigned k = 0; k < cases[i].n; k++)
            enter(k, (pid_t)(1000 + k));
        assert_int_equal(judge(999, cases[i].dice), cases[i].verdict);
    }
}

/* Each option bites: the same crowd under other limits. */
static void
limits_are_the_configurations(void **state)
{
    static const struct {
        struct admission_limits limits;
        enum admission_verdict verdict; /* of one more from source 1, after eight */
    } cases[] = {
        {{8, 100, 30, 200, 100, 32, 64}, ADMISSION_REFUSED_FULL},
        {{9, 100, 30, 200, 100, 32, 64}, ADMISSION_GRANTED},
        {{100, 8, 30, 200, 100, 32, 64}, ADMISSION_REFUSED_STARTUP},
        {{100, 8, 0, 200, 100, 32, 64}, ADMISSION_GRANTED},
        {{100, 9, 30, 200, 100, 32, 64}, ADMISSION_GRANTED},
        {{100, 4, 30, 8, 100, 32, 64}, ADMISSION_REFUSED_STARTUP},
        {{100, 100, 30, 200, 1, 32, 64}, ADMISSION_REFUSED_SOURCE},
        {{100, 100, 30, 200, 2, 32, 64}, ADMISSION_GRANTED},
        {{100, 100, 30, 200, 8, 24, 64}, ADMISSION_REFUSED_SOURCE},
        {{100, 100, 30, 200, 8, 0, 0}, ADMISSION_REFUSED_SOURCE},
        {{100, 100, 30, 200, 9, 24, 64}, ADMISSION_GRANTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_up(state);
        for (unsigned k = 0; k < 8; k++)
            enter(k, (pid_t)(1000 + k));
        admission_set_limits(&a, &cases[i].limits);
        assert_int_equal(judge(1, 0), cases[i].verdict);
    }
}

static void
senseless_limits_are_clamped(void **state)
{
    static const struct admission_limits none = {0};
    static const struct admission_limits most = {UINT32_MAX, UINT32_MAX, UINT32_MAX,
                                                 UINT32_MAX, UINT32_MAX, UINT32_MAX,
                                                 UINT32_MAX};
    (void)state;
    admission_set_limits(&a, &none);
    assert_int_equal(judge(1, 0), ADMISSION_GRANTED);
    enter(1, 100);
    assert_int_equal(judge(2, 0), ADMISSION_REFUSED_FULL);
    admission_set_limits(&a, &most);
    assert_int_equal(a.limits.connections, ADMISSION_PLACES_MAX);
    assert_int_equal(judge(1, 0), ADMISSION_GRANTED);
}

static void
ipv6_sources_are_blocks_and_mapped_ipv4_is_ipv4(void **state)
{
    static const struct {
        const char *inside, *newcomer;
        bool is_same;
    } cases[] = {
        {"[2001:db8::1]:1", "[2001:db8::ffff:1]:2", true},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
        {"[::ffff:192.0.2.1]:1", "192.0.2.1:2", true},
        {"192.0.2.1:1", "192.0.2.2:1", false},
        {"[::192.0.2.1]:1", "192.0.2.1:2", false},
    };
    struct admission_limits one = limits;
    one.per_source = 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_up(state);
        admission_set_limits(&a, &one);
        struct net_addr inside = peer_at(cases[i].inside);
        struct net_addr newcomer = peer_at(cases[i].newcomer);
        admission_enter(&a, &inside, &now);
        assert_int_equal(admission_judge(&a, &newcomer, 0) == ADMISSION_REFUSED_SOURCE,
                         cases[i].is_same);
    }
}

static void
table_fills_and_is_freed_by_exits_alone(void **state)
{
    uint64_t first = 0;
    (void)state;
    for (unsigned i = 0; i < limits.connections; i++) {
        uint64_t id = enter(i, (pid_t)(1000 + i));
        first = i == 0 ? id : first;
        assert_true(log_in(id));
        assert_true(log_in(id));   /* told twice: counted once */
        admission_abandon(&a, id); /* has a process: not to be abandoned */
    }
    assert_int_equal(a.n_unauthenticated, 0);
    assert_int_equal(judge(600, 0), ADMISSION_REFUSED_FULL);
    assert_false(admission_ended(&a, 5));
    assert_false(admission_ended(&a, 0));
    assert_int_equal(judge(600, 0), ADMISSION_REFUSED_FULL);
    assert_true(admission_ended(&a, 1000));
    assert_int_equal(judge(600, 0), ADMISSION_GRANTED);
    assert_null(admission_find(&a, first));
    assert_false(log_in(first));
}

static void
place_is_held_until_both_processes_have_ended(void **state)
{
    (void)state;
    uint64_t id = enter(1, 100);
    assert_true(admission_started(&a, id, ADMISSION_SESSION, 101));
    assert_false(admission_started(&a, id, ADMISSION_SESSION, 102));
    assert_true(admission_ended(&a, 100));
    assert_ptr_equal(admission_of_pid(&a, 101), admission_find(&a, id));
    assert_int_equal(a.n_used, 1);
    assert_true(admission_ended(&a, 101));
    assert_int_equal(a.n_used, 0);
    assert_null(admission_of_pid(&a, 101));
}

/* A place without a process yet is held; only its starter gives it up. */
static void
abandoned_place_is_free_again_under_another_id(void **state)
{
    (void)state;
    struct net_addr peer = peer_number(7);
    uint64_t id = admission_enter(&a, &peer, &now)->id;
    assert_int_equal(a.n_unauthenticated, 1);
    admission_abandon(&a, id);
    admission_abandon(&a, id);
    assert_int_equal(a.n_used + a.n_unauthenticated, 0);
    struct admission_place *again = admission_enter(&a, &peer, &now);
    assert_int_equal(admission_index(&a, again), 0);
    assert_true(again->id != id && again->id != 0);
    assert_false(admission_started(&a, id, ADMISSION_PRE_AUTH, 9));
}

static void
sessions_are_counted_by_account(void **state)
{
    (void)state;
    uint64_t one = enter(1, 100), other = enter(1, 101), third = enter(1, 102);
    assert_true(admission_authenticated(&a, one, "alice", "password", &now));
    assert_true(admission_authenticated(&a, other, "alice", "publickey", &now));
    assert_true(admission_authenticated(&a, third, "alic", "password", &now));
    enter(1, 103);
    assert_int_equal(admission_count_account(&a, "alice"), 2);
    assert_int_equal(admission_count_account(&a, "alic"), 1);
    assert_int_equal(admission_count_account(&a, ""), 0);
    assert_true(admission_ended(&a, 100));
    assert_int_equal(admission_count_account(&a, "alice"), 1);
}

static void
client_words_are_made_printable_and_cut(void **state)
{
    uint8_t long_one[300];
    (void)state;
    uint64_t id = enter(1, 100);
    assert_true(admission_identified(&a, id, BYTES_LIT("Open\x1bSSH\n\xff")));
    assert_string_equal(admission_find(&a, id)->client, "Open?SSH??");
    memset(long_one, 'x', sizeof long_one);
    assert_true(admission_identified(&a, id, bytes_of(long_one, sizeof long_one)));
    assert_int_equal(strlen(admission_find(&a, id)->client), ADMISSION_CLIENT_MAX - 1);
    assert_false(admission_identified(&a, id + 1, BYTES_LIT("x")));
}

/* Random comings and goings against a plain count. */
static void
lists_stay_whole_through_random_changes(void **state)
{
    static uint64_t ids[300];
    static bool is_in[300], is_logged_in[300];
    uint32_t seed = 12345, n_in = 0, n_waiting = 0;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned i = (seed >> 8) % 300, what = (seed >> 24) % 3;
        if (!is_in[i] && what == 0) {
            ids[i] = enter(i, (pid_t)(1000 + i));
            is_in[i] = true;
            is_logged_in[i] = false;
            n_in++, n_waiting++;
        } else if (is_in[i] && what == 1) {
            assert_true(log_in(ids[i]));
            n_waiting -= !is_logged_in[i];
            is_logged_in[i] = true;
        } else if (is_in[i] && what == 2) {
            assert_true(admission_ended(&a, (pid_t)(1000 + i)));
            is_in[i] = false;
            n_in--, n_waiting -= !is_logged_in[i];
        }
        assert_int_equal(a.n_used, n_in);
        assert_int_equal(a.n_unauthenticated, n_waiting);
    }
    uint32_t cursor = 0, n_listed = 0;
    while (admission_next(&a, &cursor))
        n_listed++;
    assert_int_equal(n_listed, n_in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(eleventh_from_a_source_waits_until_one_logs_in, set_up),
        cmocka_unit_test_setup(early_drop_rises_to_certainty, set_up),
        cmocka_unit_test_setup(limits_are_the_configurations, set_up),
        cmocka_unit_test_setup(senseless_limits_are_clamped, set_up),
        cmocka_unit_test_setup(ipv6_sources_are_blocks_and_mapped_ipv4_is_ipv4, set_up),
        cmocka_unit_test_setup(table_fills_and_is_freed_by_exits_alone, set_up),
        cmocka_unit_test_setup(place_is_held_until_both_processes_have_ended, set_up),
        cmocka_unit_test_setup(abandoned_place_is_free_again_under_another_id, set_up),
        cmocka_unit_test_setup(sessions_are_counted_by_account, set_up),
        cmocka_unit_test_setup(client_words_are_made_printable_and_cut, set_up),
        cmocka_unit_test_setup(lists_stay_whole_through_random_changes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
