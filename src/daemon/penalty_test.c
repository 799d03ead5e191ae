/* Penalties of sources that misbehaved (threats A5, section 13). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/penalty.h"

static const struct server_penalties usual = {
    .is_enabled = true,
    .crash = 90,
    .authfail = 5,
    .baduser = 5,
    .noauth = 1,
    .grace = 10,
    .min = 15,
    .max = 600,
    .max_sources4 = 65536,
    .max_sources6 = 65536,
};

static const uint64_t seed[2] = {0x0123456789abcdef, 0xfedcba9876543210};

static struct penalties *
make(const struct server_penalties *limits, const char *exempt)
{
    struct penalties *p = penalties_new(seed);
    assert_non_null(p);
    assert_int_equal(penalties_configure(p, limits, 32, 64, exempt), ERR_NONE);
    return p;
}

static struct address
address_at(const char *text)
{
    struct address a;
    assert_true(address_parse(bytes_str(text), &a));
    return a;
}

static enum penalty_verdict
judge(struct penalties *p, const char *text, uint64_t now_ms)
{
    struct penalty_judgement why;
    struct address a = address_at(text);
    return penalty_judge(p, &a, now_ms, 0, &why);
}

static bool
add(struct penalties *p, const char *text, enum penalty_kind kind, uint64_t now_ms)
{
    struct address a = address_at(text);
    return penalty_add(p, &a, kind, now_ms);
}

/* The ith of many addresses. */
static struct address
address_number(uint32_t i, bool is_v6)
{
    struct address a = {.octets = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
                        .is_v6 = is_v6};
    if (is_v6) {
        a.octets[0] = 0x20;
        a.octets[4] = (uint8_t)(i >> 16);
    }
    return a;
}

static void
misdeeds_add_up_and_bite_past_min(void **state)
{
    static const struct {
        enum penalty_kind kind;
        unsigned n;          /* times at once */
        bool is_refused;     /* then */
        uint64_t free_at_ms; /* first moment when it may come again */
    } cases[] = {
        {PENALTY_CRASH, 1, true, 90000},    {PENALTY_AUTHFAIL, 3, false, 0},
        {PENALTY_AUTHFAIL, 4, true, 20000}, {PENALTY_BADUSER, 4, true, 20000},
        {PENALTY_NOAUTH, 15, false, 0},     {PENALTY_NOAUTH, 16, true, 16000},
        {PENALTY_GRACE, 1, false, 0},       {PENALTY_GRACE, 2, true, 20000},
        {PENALTY_CRASH, 7, true, 600000},   {PENALTY_CRASH, 1000, true, 600000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct penalties *p = make(&usual, NULL);
        unsigned n_begun = 0;
        for (unsigned k = 0; k < cases[i].n; k++)
            n_begun += add(p, "192.0.2.1", cases[i].kind, 0);
        assert_int_equal(n_begun, cases[i].is_refused); /* told once */
        assert_int_equal(judge(p, "192.0.2.1", 1),
                         cases[i].is_refused ? PENALTY_PENALISED : PENALTY_FREE);
        if (cases[i].is_refused)
            assert_int_equal(judge(p, "192.0.2.1", cases[i].free_at_ms - 1),
                             PENALTY_PENALISED);
        assert_int_equal(judge(p, "192.0.2.1", cases[i].free_at_ms), PENALTY_FREE);
        assert_int_equal(judge(p, "192.0.2.2", 1), PENALTY_FREE);
        penalties_free(p);
    }
}

static void
each_kind_costs_what_is_configured(void **state)
{
    (void)state;
    for (enum penalty_kind kind = 0; kind < PENALTY_KINDS; kind++) {
        struct server_penalties limits = {.is_enabled = true,
                                          .crash = kind == PENALTY_CRASH ? 7 : 0,
                                          .authfail = kind == PENALTY_AUTHFAIL ? 7 : 0,
                                          .baduser = kind == PENALTY_BADUSER ? 7 : 0,
                                          .noauth = kind == PENALTY_NOAUTH ? 7 : 0,
                                          .grace = kind == PENALTY_GRACE ? 7 : 0,
                                          .min = 6,
                                          .max = 600,
                                          .max_sources4 = 10};
        struct penalties *p = make(&limits, NULL);
        for (enum penalty_kind other = 0; other < PENALTY_KINDS; other++)
            assert_int_equal(add(p, "192.0.2.1", other, 0), other == kind);
        assert_int_equal(judge(p, "192.0.2.1", 6999), PENALTY_PENALISED);
        assert_int_equal(judge(p, "192.0.2.1", 7000), PENALTY_FREE);
        penalties_free(p);
    }
}

static void
what_is_spread_over_time_never_bites(void **state)
{
    (void)state;
    struct penalties *p = make(&usual, NULL);
    for (uint64_t now = 0; now < 1000 * 5000; now += 5000)
        assert_false(add(p, "192.0.2.1", PENALTY_AUTHFAIL, now));
    penalties_free(p);
}

/* Having passed min, it is refused until the end, also while less than min is left. */
static void
refused_source_stays_refused_to_the_end(void **state)
{
    (void)state;
    struct penalties *p = make(&usual, NULL);
    assert_true(add(p, "192.0.2.1", PENALTY_CRASH, 1000));
    assert_int_equal(judge(p, "192.0.2.1", 90999), PENALTY_PENALISED);
    assert_false(add(p, "192.0.2.1", PENALTY_NOAUTH, 90999)); /* longer, not anew */
    assert_int_equal(judge(p, "192.0.2.1", 91999), PENALTY_PENALISED);
    assert_int_equal(judge(p, "192.0.2.1", 92000), PENALTY_FREE);
    penalties_free(p);
}

static void
block_sizes_are_the_configurations(void **state)
{
    static const struct {
        uint32_t bits4, bits6;
        const char *sinner, *other;
        bool is_same;
    } cases[] = {
        {32, 64, "192.0.2.1", "192.0.2.2", false},
        {24, 64, "192.0.2.1", "192.0.2.2", true},
        {24, 64, "192.0.2.1", "192.0.3.1", false},
        {32, 64, "2001:db8::1", "2001:db8::2:0:0:1", true},
        {32, 64, "2001:db8::1", "2001:db8:0:1::1", false},
        {32, 128, "2001:db8::1", "2001:db8::2", false},
        {32, 48, "2001:db8::1", "2001:db8:0:1::1", true},
        {32, 64, "::ffff:192.0.2.1", "192.0.2.1", true},
        {0, 0, "192.0.2.1", "203.0.113.9", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct penalties *p = penalties_new(seed);
        assert_int_equal(
            penalties_configure(p, &usual, cases[i].bits4, cases[i].bits6, NULL),
            ERR_NONE);
        assert_true(add(p, cases[i].sinner, PENALTY_CRASH, 0));
        assert_int_equal(judge(p, cases[i].other, 1),
                         cases[i].is_same ? PENALTY_PENALISED : PENALTY_FREE);
        penalties_free(p);
    }
}

static void
exempt_sources_are_never_penalised(void **state)
{
    (void)state;
    struct penalties *p = make(&usual, "192.0.2.0/24,2001:db8::/32,203.0.113.9");
    static const char *const exempt[] = {"192.0.2.77", "2001:db8:1::1", "203.0.113.9"};
    for (size_t i = 0; i < ARRAY_LEN(exempt); i++) {
        assert_false(add(p, exempt[i], PENALTY_CRASH, 0));
        assert_int_equal(judge(p, exempt[i], 1), PENALTY_FREE);
    }
    assert_true(add(p, "203.0.113.10", PENALTY_CRASH, 0));
    assert_int_equal(penalties_configure(p, &usual, 32, 64, "192.0.2.1/24"), ERR_PROTO);
    assert_int_equal(judge(p, "192.0.2.77", 1), PENALTY_FREE); /* nothing changed */
    assert_int_equal(penalties_configure(p, &usual, 32, 64, "203.0.113.0/24"), ERR_NONE);
    assert_int_equal(judge(p, "203.0.113.10", 1), PENALTY_FREE); /* exempt from now on */
    penalties_free(p);
}

static void
switched_off_means_off(void **state)
{
    (void)state;
    struct server_penalties off = usual;
    off.is_enabled = false;
    struct penalties *p = make(&usual, NULL);
    assert_true(add(p, "192.0.2.1", PENALTY_CRASH, 0));
    assert_int_equal(penalties_configure(p, &off, 32, 64, NULL), ERR_NONE);
    assert_int_equal(judge(p, "192.0.2.1", 1), PENALTY_FREE);
    assert_false(add(p, "192.0.2.2", PENALTY_CRASH, 0));
    penalties_free(p);
}

static void
flood_of_sources_is_bounded_and_spares_the_other_family(void **state)
{
    size_t n_refused, n_noted;
    (void)state;
    struct penalties *p = make(&usual, NULL);
    assert_true(add(p, "192.0.2.1", PENALTY_CRASH, 0));
    for (uint32_t i = 0; i < 100000; i++) {
        struct address a = address_number(i, true);
        penalty_add(p, &a, i % 2 ? PENALTY_CRASH : PENALTY_NOAUTH, i / 100);
    }
    penalty_count(p, 1000, &n_refused, &n_noted);
    assert_int_equal(n_noted, 65536 + 1);
    /* The 50,000 that end last were kept, besides the other family's one. */
    assert_int_equal(n_refused, 50000 + 1);
    assert_int_equal(judge(p, "192.0.2.1", 1000), PENALTY_PENALISED);
    penalty_count(p, 91000, &n_refused, &n_noted);
    assert_int_equal(n_noted, 0);
    penalties_free(p);
}

/* With sources in a few chains this would take minutes: the test's time limit tells. */
static void
seeds_of_few_bits_spread_sources_all_the_same(void **state)
{
    static const uint64_t seeds[][2] = {{0, 0}, {1, 2}, {77, 99}, {1, UINT64_MAX}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct penalties *p = penalties_new(seeds[i]);
        assert_non_null(p);
        assert_int_equal(penalties_configure(p, &usual, 32, 64, NULL), ERR_NONE);
        for (uint32_t k = 0; k < 200000; k++) {
            struct address a = address_number(k, k % 2);
            penalty_add(p, &a, PENALTY_CRASH, 0);
        }
        penalties_free(p);
    }
}

static void
full_table_forgets_what_ends_first(void **state)
{
    (void)state;
    struct server_penalties small = usual;
    small.max_sources4 = 2;
    struct penalties *p = make(&small, NULL);
    assert_true(add(p, "192.0.2.1", PENALTY_CRASH, 1000));
    assert_true(add(p, "192.0.2.2", PENALTY_CRASH, 0));
    assert_true(add(p, "192.0.2.3", PENALTY_CRASH, 2000));
    assert_int_equal(judge(p, "192.0.2.1", 3000), PENALTY_PENALISED);
    assert_int_equal(judge(p, "192.0.2.2", 3000), PENALTY_FREE);
    assert_int_equal(judge(p, "192.0.2.3", 3000), PENALTY_PENALISED);
    small.max_sources4 = 1; /* a reload */
    assert_int_equal(penalties_configure(p, &small, 32, 64, NULL), ERR_NONE);
    assert_int_equal(judge(p, "192.0.2.1", 3000), PENALTY_FREE);
    assert_int_equal(judge(p, "192.0.2.3", 3000), PENALTY_PENALISED);
    small.max_sources4 = 0;
    assert_int_equal(penalties_configure(p, &small, 32, 64, NULL), ERR_NONE);
    assert_false(add(p, "192.0.2.4", PENALTY_CRASH, 3000));
    penalties_free(p);
}

static void
reload_with_other_blocks_forgets_penalties(void **state)
{
    (void)state;
    struct penalties *p = make(&usual, NULL);
    assert_true(add(p, "192.0.2.1", PENALTY_CRASH, 0));
    assert_int_equal(penalties_configure(p, &usual, 32, 64, NULL), ERR_NONE);
    assert_int_equal(judge(p, "192.0.2.1", 1), PENALTY_PENALISED);
    assert_int_equal(penalties_configure(p, &usual, 24, 64, NULL), ERR_NONE);
    assert_int_equal(judge(p, "192.0.2.1", 1), PENALTY_FREE);
    penalties_free(p);
}

static void
clock_at_its_ends_is_harmless(void **state)
{
    static const uint64_t moments[] = {0, 1, UINT64_MAX - 90000, UINT64_MAX - 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        struct server_penalties most = usual;
        most.crash = most.max = UINT32_MAX;
        struct penalties *p = make(&most, NULL);
        assert_true(add(p, "192.0.2.1", PENALTY_CRASH, moments[i]));
        assert_int_equal(judge(p, "192.0.2.1", moments[i]), PENALTY_PENALISED);
        penalties_free(p);
    }
}

static void
forgiving_takes_what_a_block_touches(void **state)
{
    static const struct {
        const char *block;
        size_t n;
    } cases[] = {{"192.0.2.1", 1},    {"192.0.2.0/24", 2}, {"0.0.0.0/0", 3},
                 {"2001:db8::99", 1}, {"::/0", 1},         {"198.51.100.0/24", 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct block block;
        struct penalties *p = make(&usual, NULL);
        add(p, "192.0.2.1", PENALTY_CRASH, 0);
        add(p, "192.0.2.2", PENALTY_NOAUTH, 0);
        add(p, "203.0.113.1", PENALTY_CRASH, 0);
        add(p, "2001:db8::1", PENALTY_CRASH, 0);
        assert_true(block_parse(bytes_str(cases[i].block), &block));
        assert_int_equal(penalty_forgive(p, &block), cases[i].n);
        size_t n_refused, n_noted;
        penalty_count(p, 0, &n_refused, &n_noted);
        assert_int_equal(n_noted, 4 - cases[i].n);
        penalties_free(p);
    }
}

static void
ban_outranks_exemption_and_says_why(void **state)
{
    struct penalty_judgement why;
    (void)state;
    struct penalties *p = make(&usual, "192.0.2.0/24");
    struct ban ban = {.until = 100, .reason = "abuse"};
    assert_true(block_parse(BYTES_LIT("192.0.2.0/25"), &ban.block));
    assert_int_equal(bans_add(penalties_bans(p), &ban, 0), ERR_NONE);
    struct address a = address_at("192.0.2.5");
    assert_int_equal(penalty_judge(p, &a, 0, 99, &why), PENALTY_BANNED);
    assert_string_equal(why.ban->reason, "abuse");
    assert_int_equal(penalty_judge(p, &a, 0, 100, &why), PENALTY_FREE);
    penalties_free(p);
}

/* What the table should say, kept as simply as can be. */
struct model {
    uint64_t end_ms;
    bool is_refused;
};

static void
random_misdeeds_match_a_plain_model(void **state)
{
    enum { SOURCES = 200 };
    struct model model[SOURCES] = {0};
    uint32_t dice = 99;
    uint64_t now = 0;
    (void)state;
    struct penalties *p = make(&usual, NULL);
    for (int step = 0; step < 50000; step++) {
        dice = dice * 1664525u + 1013904223u;
        uint32_t i = (dice >> 10) % SOURCES;
        struct model *m = &model[i];
        struct address a = address_number(i, i % 2);
        now += dice >> 28;
        if (m->end_ms <= now)
            *m = (struct model){.end_ms = now};
        if (dice >> 20 & 1) {
            uint64_t left = m->end_ms - now + 5000;
            left = left < 600000 ? left : 600000;
            m->end_ms = now + left;
            m->is_refused |= left > 15000;
            penalty_add(p, &a, PENALTY_AUTHFAIL, now);
        }
        struct penalty_judgement why;
        enum penalty_verdict verdict = penalty_judge(p, &a, now, 0, &why);
        assert_int_equal(verdict, m->is_refused ? PENALTY_PENALISED : PENALTY_FREE);
        if (verdict == PENALTY_PENALISED)
            assert_int_equal(why.left_ms, m->end_ms - now);
    }
    size_t cursor = 0, n = 0, n_refused, n_noted;
    struct penalty_view view;
    while (penalty_next(p, now, &cursor, &view))
        n++;
    penalty_count(p, now, &n_refused, &n_noted);
    assert_int_equal(n, n_noted);
    penalties_free(p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misdeeds_add_up_and_bite_past_min),
        cmocka_unit_test(each_kind_costs_what_is_configured),
        cmocka_unit_test(what_is_spread_over_time_never_bites),
        cmocka_unit_test(refused_source_stays_refused_to_the_end),
        cmocka_unit_test(block_sizes_are_the_configurations),
        cmocka_unit_test(exempt_sources_are_never_penalised),
        cmocka_unit_test(switched_off_means_off),
        cmocka_unit_test(flood_of_sources_is_bounded_and_spares_the_other_family),
        cmocka_unit_test(seeds_of_few_bits_spread_sources_all_the_same),
        cmocka_unit_test(full_table_forgets_what_ends_first),
        cmocka_unit_test(reload_with_other_blocks_forgets_penalties),
        cmocka_unit_test(clock_at_its_ends_is_harmless),
        cmocka_unit_test(forgiving_takes_what_a_block_touches),
        cmocka_unit_test(ban_outranks_exemption_and_says_why),
        cmocka_unit_test(random_misdeeds_match_a_plain_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
