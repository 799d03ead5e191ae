/*
 * A host key check that runs out of memory anywhere must refuse: OpenSSH once
 * took an error on this path for success (CVE-2025-26465, threats L7). The
 * linker routes this program's malloc and calloc through here.
 */
#include "key/key_test.h"

#include "key/known_hosts.h"

static long allocations_left = -1; /* negative: no limit */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

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

static const struct {
    const char *file, *name, *key;
    enum host_verdict verdict; /* with memory enough */
} cases[] = {
    {"known_hosts", "www.example.com", "ed25519", HOST_KEY_KNOWN},
    {"known_hosts", "www.example.com", "host-cert", HOST_KEY_KNOWN},
    {"known_hosts", "www.example.com", "host-expired-cert", HOST_KEY_KNOWN},
    {"known_hosts", "www.example.com", "ca", HOST_KEY_CHANGED},
    {"known_hosts", "www.example.com", "ecdsa521", HOST_KEY_REVOKED},
    {"known_hosts", "nowhere.example", "ed25519", HOST_KEY_NEW},
    {"known_hosts-hashed", "hashed.example", "ed25519", HOST_KEY_KNOWN},
    {"known_hosts-hashed", "hashed.example", "ca", HOST_KEY_CHANGED},
};

/* The verdict when the allocation after `budget` others fails. */
static enum host_verdict
check_within(const char *name, struct bytes text, struct bytes blob, long budget,
             bool *has_failed)
{
    struct known_hosts_file file = {text, "known_hosts"};
    struct host_query query = {.name = bytes_str(name),
                               .port = 22,
                               .now = 1700000000,
                               .ca_algos = BYTES_LIT("ssh-ed25519")};
    struct host_finding f;
    host_finding_init(&f);
    allocations_left = budget;
    enum host_verdict v = known_hosts_check(&file, 1, &query, blob, &f);
    *has_failed = allocations_left == 0;
    allocations_left = -1;
    host_finding_clear(&f);
    return v;
}

static void
check_refuses_when_any_allocation_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = test_fixture(cases[i].file), blob = test_blob(cases[i].key);
        bool has_failed = true;
        long budget = 0;
        for (; has_failed && budget < 10000; budget++) {
            enum host_verdict v = check_within(cases[i].name, buf_bytes(&text),
                                               buf_bytes(&blob), budget, &has_failed);
            /* The budget may also have sufficed exactly. */
            if (v != HOST_KEY_REFUSE && v != cases[i].verdict)
                fail_msg("%s with %s, %ld allocations: verdict %d", cases[i].name,
                         cases[i].key, budget, v);
            if (!has_failed)
                assert_int_equal(v, cases[i].verdict);
        }
        assert_true(budget > 2 && !has_failed);
        buf_clear(&blob);
        buf_clear(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_refuses_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
