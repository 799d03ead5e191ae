/* Who may come in (threats T5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/admission.h"

/* Each source of 256 sources its own. */
static void
make_source(uint8_t source[9], unsigned i)
{
    memset(source, 0, 9);
    source[0] = 4;
    source[3] = (uint8_t)(i >> 8);
    source[4] = (uint8_t)i;
}

static void
enter(struct admission *a, pid_t pid, unsigned source_number)
{
    uint8_t source[9];
    make_source(source, source_number);
    admission_enter(a, pid, admission_next_id(a), source);
}

/* dice 0: dropped as soon as anybody is. */
static enum admission_verdict
judge(const struct admission *a, unsigned source_number, uint32_t dice)
{
    uint8_t source[9];
    make_source(source, source_number);
    return admission_judge(a, source, dice);
}

static void
eleventh_from_a_source_waits_until_one_logs_in(void **state)
{
    static struct admission a;
    (void)state;
    a = (struct admission){0};
    for (pid_t i = 0; i < ADMISSION_PER_SOURCE; i++) {
        assert_int_equal(judge(&a, 1, 0), ADMISSION_GRANTED);
        enter(&a, 100 + i, 1);
    }
    assert_int_equal(judge(&a, 1, 0), ADMISSION_REFUSED_SOURCE);
    assert_int_equal(judge(&a, 2, 0), ADMISSION_GRANTED);
    assert_true(admission_authenticated(&a, 3));
    assert_int_equal(judge(&a, 1, 0), ADMISSION_GRANTED);
}

static void
early_drop_rises_to_certainty(void **state)
{
    static struct admission a;
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
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        a = (struct admission){0};
        for (unsigned k = 0; k < cases[i].n; k++)
            enter(&a, (pid_t)(1000 + k), k);
        assert_int_equal(judge(&a, 999, cases[i].dice), cases[i].verdict);
    }
}

static void
table_fills_and_is_freed_by_exits_alone(void **state)
{
    static struct admission a;
    (void)state;
    a = (struct admission){0};
    for (unsigned i = 0; i < ADMISSION_CONNECTIONS; i++) {
        enter(&a, (pid_t)(1000 + i), i);
        assert_true(admission_authenticated(&a, i + 1));
        assert_true(admission_authenticated(&a, i + 1)); /* told twice: counted once */
    }
    assert_int_equal(a.n_unauthenticated, 0);
    assert_int_equal(judge(&a, 600, 0), ADMISSION_REFUSED_FULL);
    assert_false(admission_leave(&a, 5));
    assert_false(admission_leave(&a, 0));
    assert_true(admission_leave(&a, 1000));
    assert_false(admission_leave(&a, 1000));
    assert_int_equal(judge(&a, 600, 0), ADMISSION_GRANTED);
    assert_int_equal(admission_pid(&a, 1), 0);
    assert_int_equal(admission_pid(&a, 2), 1001);
    assert_false(admission_authenticated(&a, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eleventh_from_a_source_waits_until_one_logs_in),
        cmocka_unit_test(early_drop_rises_to_certainty),
        cmocka_unit_test(table_fills_and_is_freed_by_exits_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
