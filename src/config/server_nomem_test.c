/*
 * A configuration that runs out of memory anywhere must be refused whole, and a
 * connection about which it was asked too: half of it could lack the line that
 * forbids something. The linker routes this program's allocations through here.
 */
#include "config/server_rig.h"

static long allocations_left = -1; /* negative: no limit */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

static bool
may_allocate(void)
{
    if (allocations_left < 0)
        return true;
    if (allocations_left == 0)
        return false;
    allocations_left--;
    return true;
}

void *
__wrap_malloc(size_t n)
{
    return may_allocate() ? __real_malloc(n) : NULL;
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *
__wrap_realloc(void *p, size_t n)
{
    return may_allocate() ? __real_realloc(p, n) : NULL;
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return may_allocate() ? __real_realloc(p, n * size) : NULL;
}

char *
__wrap_strndup(const char *text, size_t n)
{
    size_t len = strnlen(text, n);
    char *copy = may_allocate() ? __real_malloc(len + 1) : NULL;
    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

char *
__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

static const struct rig_file files[] = {
    {"/etc/f.conf",
     "Include a.conf\nAllowUsers a b c\nAuthenticationMethods publickey,password\n"
     "Ciphers +good-1\nEvent upload /bin/x y\nPermissions / read\n"
     "Match User bob Group sftp\nForceCommand internal-sftp -R -P remove\n"
     "DenyUsers bob\nAuthorizedKeysFile a b\n"},
    {"/etc/a.conf", "Subsystem sftp internal-sftp -d /in\nPerSourcePenalties crash:1m\n"},
    {NULL, NULL}};

static const char *const groups[] = {"sftp"};
static const struct server_context bob = {.user = "bob", .groups = groups, .n_groups = 1};

/* What holds for bob, as -T shows it, when the allocation after `budget` others fails. */
static enum err
ask_within(long budget, bool *has_failed, struct buf *shown)
{
    struct server_config *config;
    struct server_options o;
    struct fault why;
    server_options_init(&o);
    allocations_left = budget;
    enum err e = rig_parse(files, NULL, &config, &why);
    if (e == ERR_NONE)
        e = server_config_effective(config, &bob, &o);
    *has_failed = allocations_left == 0;
    allocations_left = -1;
    if (e == ERR_NONE)
        server_options_print(&o, shown);
    server_options_clear(&o);
    server_config_free(config);
    return e;
}

static void
a_failed_allocation_refuses_the_whole(void **state)
{
    (void)state;
    bool has_failed;
    struct buf wanted, shown;
    buf_init(&wanted, CONFIG_FILE_MAX);
    buf_init(&shown, CONFIG_FILE_MAX);
    assert_int_equal(ask_within(-1, &has_failed, &wanted), ERR_NONE);
    has_failed = true;
    long budget = 0;
    for (; has_failed && budget < 10000; budget++) {
        buf_reset(&shown);
        enum err e = ask_within(budget, &has_failed, &shown);
        /* The budget may also have sufficed exactly. */
        if (e != ERR_NONE && e != ERR_NOMEM)
            fail_msg("%ld allocations: %s", budget, err_name(e));
        if (e == ERR_NONE)
            assert_bytes_equal(buf_bytes(&shown), buf_bytes(&wanted));
    }
    assert_true(budget > 100 && !has_failed);
    buf_clear(&wanted);
    buf_clear(&shown);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_refuses_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
