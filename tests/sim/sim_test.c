/*
 * Whole sessions between two engines: by algorithm, by seed, and with the Nth
 * allocation failing. FERRY_SIM_SESSIONS sets how many seeds are run (default
 * 300; script/test runs 10,000), FERRY_SIM_SEED the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

/* ---- the Nth allocation fails: the linker sends malloc and its like here ---- */

static long fail_at = -1, n_allocations;

static int
is_failing(void)
{
    n_allocations++;
    return fail_at >= 0 && n_allocations > fail_at;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
char *__wrap_strdup(const char *s);

void *
__wrap_malloc(size_t n)
{
    return is_failing() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return is_failing() ? NULL : __real_calloc(n, size);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return is_failing() ? NULL : __real_aligned_alloc(alignment, n);
}

char *
__wrap_strdup(const char *s)
{
    return is_failing() ? NULL : __real_strdup(s);
}

/* ---- sessions ---- */

static uint64_t
env_number(const char *name, uint64_t fallback)
{
    const char *s = getenv(name);
    return s ? strtoull(s, NULL, 10) : fallback;
}

static void
expect_ok(const struct sim_config *config)
{
    struct sim_result r = sim_run(config);
    if (!r.is_ok)
        fail_msg("seed %llu (%s %s %s): %s", (unsigned long long)config->seed,
                 config->kex ? config->kex : "-", config->cipher ? config->cipher : "-",
                 config->mac ? config->mac : "-", r.why);
}

static void
every_algorithm_carries_a_session(void **state)
{
    (void)state;
    static const enum algo_slot slots[] = {ALGO_KEX, ALGO_CIPHER, ALGO_MAC};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        struct bytes rest = bytes_str(algo_list(PROFILE_COMPAT, ALGO_SERVER, slots[i])),
                     name;
        while (bytes_next_item(&rest, &name)) {
            char text[64];
            snprintf(text, sizeof text, "%.*s", (int)name.n, (const char *)name.p);
            struct sim_config f = {.seed = i, .octets = 100000, .chop_max = 70000};
            f.kex = slots[i] == ALGO_KEX ? text : NULL;
            f.cipher = slots[i] == ALGO_CIPHER ? text
                       : slots[i] == ALGO_MAC  ? "aes128-ctr"
                                               : NULL;
            f.mac = slots[i] == ALGO_MAC ? text : NULL;
            f.rekey_octets = slots[i] == ALGO_KEX ? 0 : 30000;
            expect_ok(&f);
        }
    }
}

static void
every_host_key_type_signs(void **state)
{
    (void)state;
    static const char *const names[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
                                        "rsa-sha2-256", "rsa-sha2-512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_ok(&(struct sim_config){
            .seed = i, .octets = 1000, .chop_max = 5000, .host_key = names[i]});
}

static void
compression_survives_rekeys(void **state)
{
    (void)state;
    expect_ok(&(struct sim_config){.seed = 5,
                                   .octets = 2000000,
                                   .chop_max = 50000,
                                   .rekey_octets = 20000,
                                   .compression = "zlib@openssh.com"});
}

static void
every_cipher_survives_a_hand_over(void **state)
{
    (void)state;
    struct bytes rest = bytes_str(algo_list(PROFILE_COMPAT, ALGO_SERVER, ALGO_CIPHER)),
                 name;
    while (bytes_next_item(&rest, &name)) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)name.n, (const char *)name.p);
        expect_ok(&(struct sim_config){.seed = 3,
                                       .octets = 200000,
                                       .chop_max = 400,
                                       .cipher = text,
                                       .compression = "zlib@openssh.com",
                                       .rekey_octets = 30000,
                                       .hands_over = true});
    }
}

/* Everything that a seed decides. */
static struct sim_config
config_of_seed(uint64_t seed)
{
    static const char *const ciphers[] = {
        "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr"};
    static const char *const macs[] = {"hmac-sha2-256-etm@openssh.com",
                                       "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
                                       "hmac-sha2-512"};
    static const uint32_t windows[] = {0, 1, 100, 4096, 40000};
    static const uint32_t chops[] = {1, 7, 100, 3000, 100000};
    uint64_t x = seed * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    uint32_t window = windows[(x >> 8) % 5], chop = chops[(x >> 16) % 5];
    uint32_t octets = window == 1 ? 60 : window == 100 ? 3000 : chop == 1 ? 3000 : 60000;
    return (struct sim_config){
        .seed = seed,
        .cipher = ciphers[x % 5],
        .mac = macs[(x >> 4) % 4],
        .octets = octets,
        .window = window,
        .max_packet = (x >> 20) % 2 ? 1024 : 0,
        .rekey_octets = (x >> 24) % 3 == 0 ? 20000 : 0,
        .has_rekeys_by_hand = (x >> 28) % 3 == 0,
        .chop_max = chop,
        .login = (enum sim_login)((x >> 32) % 3),
        .wants_wrong_password_first = (x >> 36) % 2 == 0,
        .compression = (x >> 40) % 4 == 0 ? "zlib@openssh.com" : NULL,
        .hands_over = (x >> 44) % 3 == 0,
    };
}

static void
sessions_by_seed_never_stall_or_change_an_octet(void **state)
{
    (void)state;
    uint64_t n = env_number("FERRY_SIM_SESSIONS", 300);
    uint64_t first = env_number("FERRY_SIM_SEED", 1);
    for (uint64_t seed = first; seed < first + n; seed++) {
        struct sim_config f = config_of_seed(seed);
        expect_ok(&f);
    }
    print_message("%llu sessions\n", (unsigned long long)n);
}

/* Once the Nth and all later allocations fail, a session may end early but must
 * end, and (the sanitizer says) without a leak. */
static void
nth_allocation_failing_ends_cleanly(void **state)
{
    (void)state;
    struct sim_config f = {.seed = 9,
                           .octets = 20000,
                           .chop_max = 20000,
                           .rekey_octets = 9000,
                           .hands_over = true};
    n_allocations = 0;
    expect_ok(&f);
    long total = n_allocations;
    long n_failed = 0;
    for (long n = 0; n < total; n++) {
        n_allocations = 0;
        fail_at = n;
        struct sim_result r = sim_run(&f);
        fail_at = -1;
        n_failed += r.is_ok ? 0 : 1;
        if (r.steps >= 100000)
            fail_msg("allocation %ld failing: it does not end", n);
    }
    print_message("%ld of %ld allocations matter\n", n_failed, total);
    assert_true(n_failed > total / 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_carries_a_session),
        cmocka_unit_test(every_host_key_type_signs),
        cmocka_unit_test(compression_survives_rekeys),
        cmocka_unit_test(every_cipher_survives_a_hand_over),
        cmocka_unit_test(sessions_by_seed_never_stall_or_change_an_octet),
        cmocka_unit_test(nth_allocation_failing_ends_cleanly),
    };
    sim_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sim_clear();
    return rc;
}
