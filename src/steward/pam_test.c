/*
 * PAM behind the steward, with modules of the test's own through Debian's
 * libpam-wrapper: dialogues, and modules that are hostile (threats A11). Root is
 * needed, as the accounts are the system's.
 */
#include "steward/desk_test.h"

#define WRAPPER "libpam_wrapper.so"
#define MATRIX  "/usr/lib/x86_64-linux-gnu/pam_wrapper/pam_matrix.so"

static char services[64]; /* the directory of service files */

static void
write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", services, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void
write_service(const char *name, const char *auth, const char *account)
{
    char text[1024];
    snprintf(text, sizeof text, "auth required %s\naccount required %s\n", auth, account);
    write_file(name, text);
}

static void
write_services(void)
{
    char matrix[256];
    snprintf(matrix, sizeof matrix, MATRIX " passdb=%s/passdb", services);
    write_file("passdb", "daemon:secret:matrix\n");
    write_service("matrix", matrix, matrix);
    write_service("rename", HOSTILE_MODULE " rename", HOSTILE_MODULE);
    write_service("crash", HOSTILE_MODULE " crash", HOSTILE_MODULE);
    write_service("exit", HOSTILE_MODULE " exit", HOSTILE_MODULE);
    write_service("chatter", HOSTILE_MODULE " chatter", HOSTILE_MODULE);
    write_service("expired", matrix, HOSTILE_MODULE " deny");
}

static void
start(struct desk *d, const char *service)
{
    desk_start_with(d, service);
    desk_next(d);
    assert_int_equal(d->last.head.verdict, STEWARD_YES);
}

static enum steward_verdict
begin(struct desk *d, const char *password)
{
    struct steward_pam_begin q = {.head.op = STEWARD_PAM_BEGIN,
                                  .who = desk_who(STEWARD_SYSTEM, "daemon")};
    if (password) {
        q.has_password = 1;
        q.password_len = (uint32_t)strlen(password);
        memcpy(q.password, password, q.password_len);
    }
    return desk_ask(d, &q.head);
}

static enum steward_verdict
answer(struct desk *d, const char *text)
{
    static struct steward_pam_answer q;
    q = (struct steward_pam_answer){.head.op = STEWARD_PAM_ANSWER,
                                    .dialogue = d->last.answer.dialogue,
                                    .n_answers = 1};
    q.answer[0].len = (uint32_t)strlen(text);
    memcpy(q.answer[0].text, text, q.answer[0].len);
    return desk_ask(d, &q.head);
}

static enum steward_verdict
admit(struct desk *d)
{
    struct steward_admit q = {.head.op = STEWARD_ADMIT,
                              .who = desk_who(STEWARD_SYSTEM, "daemon"),
                              .has_pam = 1};
    return desk_ask(d, &q.head);
}

static void
a_password_is_put_to_pam(void **state)
{
    struct desk *d = *state;
    start(d, "matrix");
    if (begin(d, "secret") != STEWARD_YES)
        fail_msg("%s", d->last.answer.text);
    assert_int_equal(begin(d, "wrong"), STEWARD_NO);
}

static void
a_dialogue_asks_and_is_answered(void **state)
{
    struct desk *d = *state;
    start(d, "matrix");
    assert_int_equal(begin(d, NULL), STEWARD_PROMPT);
    assert_int_equal(d->last.answer.n_prompts, 1);
    assert_non_null(strstr(d->last.answer.prompt[0].text, "assword"));
    assert_int_equal(d->last.answer.prompt[0].is_echoed, 0);
    assert_int_equal(answer(d, "secret"), STEWARD_YES);
    assert_int_equal(answer(d, "secret"), STEWARD_NO); /* it is over */
    assert_int_equal(begin(d, NULL), STEWARD_PROMPT);
    assert_int_equal(answer(d, "wrong"), STEWARD_NO);
}

static void
a_dialogue_can_be_answered_under_its_own_mark_alone(void **state)
{
    struct desk *d = *state;
    static struct steward_pam_answer q;
    start(d, "matrix");
    assert_int_equal(begin(d, NULL), STEWARD_PROMPT);
    q = (struct steward_pam_answer){.head.op = STEWARD_PAM_ANSWER,
                                    .dialogue = d->last.answer.dialogue,
                                    .n_answers = 1,
                                    .answer[0] = {6, "secret"}};
    assert_int_equal(steward_client_ask(d->client, &q.head, 8, NULL), ERR_NONE);
    desk_next(d);
    assert_int_equal(d->last.head.verdict, STEWARD_NO);
}

static void
a_module_that_changes_the_user_lets_nobody_in(void **state)
{
    struct desk *d = *state;
    start(d, "rename");
    assert_int_equal(begin(d, "secret"), STEWARD_NO);
    assert_int_equal(begin(d, NULL), STEWARD_NO);
}

static void
a_module_that_dies_takes_nobody_along(void **state)
{
    static const char *const services_of[] = {"crash", "exit"};
    struct desk *d = *state;
    for (size_t i = 0; i < ARRAY_LEN(services_of); i++) {
        start(d, services_of[i]);
        assert_int_equal(begin(d, "secret"), STEWARD_FAILED);
        assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_SYSTEM, "daemon"), STEWARD_YES);
        desk_stop(d);
        desk_open_store(d);
    }
}

static void
a_module_that_asks_too_much_is_not_heard(void **state)
{
    struct desk *d = *state;
    start(d, "chatter");
    assert_int_equal(begin(d, NULL), STEWARD_NO);
    assert_int_equal(begin(d, "secret"), STEWARD_NO);
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_SYSTEM, "daemon"), STEWARD_YES);
}

static void
the_account_stage_counts_for_keys_and_passwords(void **state)
{
    struct desk *d = *state;
    start(d, "expired");
    assert_int_equal(begin(d, "secret"), STEWARD_NO);
    assert_int_equal(admit(d), STEWARD_NO);
    desk_stop(d);
    desk_open_store(d);
    start(d, "rename"); /* its account stage agrees */
    assert_int_equal(admit(d), STEWARD_YES);
}

/* The wrapper has to be loaded before libc looks for PAM. */
static int
start_again(char **argv)
{
    snprintf(services, sizeof services, "/tmp/ferry-pam-test-XXXXXX");
    if (!mkdtemp(services))
        return 1;
    setenv("LD_PRELOAD", WRAPPER, 1);
    setenv("PAM_WRAPPER", "1", 1);
    setenv("PAM_WRAPPER_SERVICE_DIR", services, 1);
    execv("/proc/self/exe", argv);
    return 1;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_password_is_put_to_pam, desk_make, desk_remove),
        cmocka_unit_test_setup_teardown(a_dialogue_asks_and_is_answered, desk_make,
                                        desk_remove),
        cmocka_unit_test_setup_teardown(
            a_dialogue_can_be_answered_under_its_own_mark_alone, desk_make, desk_remove),
        cmocka_unit_test_setup_teardown(a_module_that_changes_the_user_lets_nobody_in,
                                        desk_make, desk_remove),
        cmocka_unit_test_setup_teardown(a_module_that_dies_takes_nobody_along, desk_make,
                                        desk_remove),
        cmocka_unit_test_setup_teardown(a_module_that_asks_too_much_is_not_heard,
                                        desk_make, desk_remove),
        cmocka_unit_test_setup_teardown(the_account_stage_counts_for_keys_and_passwords,
                                        desk_make, desk_remove),
    };
    char command[128];
    (void)argc;
    if (geteuid() != 0 || access(MATRIX, R_OK) != 0)
        return 77; /* meson: skipped */
    if (!getenv("PAM_WRAPPER"))
        return start_again(argv);
    snprintf(services, sizeof services, "%s", getenv("PAM_WRAPPER_SERVICE_DIR"));
    write_services();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf '%s'", services);
    return system(command) != 0 || failed; /* lint: the test's own directory */
}
