/*
 * Key exchange: published and independently computed vectors, both sides of
 * every method against each other, and public values that must be refused.
 */
#include "crypto/kex.h"

#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bn.h>

#include "crypto/crypto_test.h"
#include "crypto/curve.h"
#include "crypto/kex_impl.h"
#include "wire/cursor.h"
#include "wire/put.h"

static const char *const methods[] = {
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
};

/* One exchange: who said what, and what both ended up with. */
struct exchange {
    const struct kex_algo *algo;
    struct kex *client;
    struct buf server_public, client_secret, server_secret;
};

static void
exchange_init(struct exchange *x, const char *name)
{
    *x = (struct exchange){.algo = kex_by_name(bytes_str(name))};
    assert_non_null(x->algo);
    buf_init(&x->server_public, KEX_PUBLIC_MAX);
    buf_init(&x->client_secret, KEX_PUBLIC_MAX);
    buf_init(&x->server_secret, KEX_PUBLIC_MAX);
}

static void
exchange_clear(struct exchange *x)
{
    kex_free(x->client);
    buf_clear(&x->server_public);
    buf_clear(&x->client_secret);
    buf_clear(&x->server_secret);
}

static void
exchange_run(struct exchange *x, const struct rand_source *client,
             const struct rand_source *server)
{
    assert_int_equal(kex_new(x->algo, client, &x->client), ERR_NONE);
    assert_int_equal(kex_reply(x->algo, server, kex_public(x->client), &x->server_public,
                               &x->server_secret),
                     ERR_NONE);
    assert_int_equal(
        kex_finish(x->client, buf_bytes(&x->server_public), &x->client_secret), ERR_NONE);
}

static void
expect_equal(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->p, b->p, a->n);
}

/* The exchange hash over the fixed texts of the vectors. */
static void
exchange_hash(const struct exchange *x, uint8_t *h)
{
    struct buf text;
    buf_init(&text, 8192);
    put_cstring(&text, "SSH-2.0-client");
    put_cstring(&text, "SSH-2.0-server");
    put_cstring(&text, "\x14IC");
    put_cstring(&text, "\x14IS");
    put_cstring(&text, "hostkeyblob");
    put_string(&text, kex_public(x->client));
    put_string(&text, buf_bytes(&x->server_public));
    buf_put(&text, buf_bytes(&x->client_secret));
    assert_int_equal(hash_digest(x->algo->hash, buf_bytes(&text), h), ERR_NONE);
    buf_clear(&text);
}

static void
expect_key_c(const struct exchange *x, const uint8_t *h, size_t n, const char *hex)
{
    uint8_t key[64];
    struct bytes session_id = bytes_of(h, hash_len(x->algo->hash));
    assert_int_equal(kex_derive_key(x->algo->hash, buf_bytes(&x->client_secret),
                                    session_id, 'C', session_id, key, n),
                     ERR_NONE);
    expect_all_hex(key, n, hex);
}

/* ---- vectors ---- */

static void
curve25519_matches_the_vector(void **state)
{
    (void)state;
    struct scripted c = {.tail = 0x11}, s = {.tail = 0x22};
    struct rand_source client = scripted_source(&c), server = scripted_source(&s);
    struct exchange x;
    uint8_t h[HASH_MAX_LEN];
    exchange_init(&x, "curve25519-sha256");
    exchange_run(&x, &client, &server);
    expect_all_hex(kex_public(x.client).p, 32,
                   "7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13");
    expect_all_hex(x.server_public.p, 32,
                   "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20");
    /* The top bit is set: the mpint has a zero in front. */
    expect_all_hex(
        x.client_secret.p, x.client_secret.n,
        "00000021009e004098efc091d4ec2663b4e9f5cfd4d7064571690b4bea97ab146ab9f35056");
    expect_equal(&x.client_secret, &x.server_secret);
    exchange_hash(&x, h);
    expect_all_hex(h, 32,
                   "20782b72d6c8fae22765cda026c07a3680c7ca1fa8b93f1a0c79e3d5d7cbdb53");
    expect_key_c(&x, h, 32,
                 "94d385a407961e4b53895b0e7bc844ea49945e8088197b1332cdd394acc0b2f9");
    exchange_clear(&x);
}

static void
mlkem768x25519_matches_the_vector(void **state)
{
    (void)state;
    struct scripted c = {.n = 64, .tail = 0x11}, s = {.n = 32, .tail = 0x22};
    fill_counting(c.head, 64, 0x00);
    fill_counting(s.head, 32, 0x40);
    struct rand_source client = scripted_source(&c), server = scripted_source(&s);
    struct exchange x;
    uint8_t h[HASH_MAX_LEN];
    exchange_init(&x, "mlkem768x25519-sha256");
    exchange_run(&x, &client, &server);
    assert_int_equal(kex_public(x.client).n, 1216);
    expect_sha256(kex_public(x.client).p, 1216,
                  "0b2ac0363dc991a425661aa219e3a4176866eb9896bdf467040425b4d9b3b90a");
    assert_int_equal(x.server_public.n, 1120);
    expect_sha256(x.server_public.p, 1120,
                  "b1dc782e52312372e71bcc2e2ff7386c6ee815e05f6226d16a800b66ceec62cb");
    expect_all_hex(
        x.client_secret.p, x.client_secret.n,
        "000000203c5312108d69b96522812c5b92dd6745786dcef5756f51516b2698d520858df5");
    expect_equal(&x.client_secret, &x.server_secret);
    exchange_hash(&x, h);
    expect_all_hex(h, 32,
                   "1a203a29761b7df1b353ea9ef6604de086fb7cc0a8d5680ffb2950c50b64f134");
    expect_key_c(&x, h, 64,
                 "4d77a7823642282be7d5a07a44aacfdabd125d8f34dd4ba9701a21431899ae4d"
                 "6e314a9d31a9ec1bdb7dcd1ca45cc48d47a6e0ba9c2b275acececb79b4b5dcab");
    exchange_clear(&x);
}

static void
sntrup761x25519_matches_the_vector(void **state)
{
    (void)state;
    /* One stream: the client's g, f and rho, then the server's r. */
    enum { CLIENT_LEN = 3044 + 3044 + 191, SERVER_LEN = 3044 };
    struct scripted c = {.n = CLIENT_LEN, .tail = 0x11};
    struct scripted s = {.n = SERVER_LEN, .tail = 0x22};
    struct keccak k;
    struct rand_source stream = seeded_source(&k, "sntrup761 kat");
    assert_int_equal(rand_fill(&stream, c.head, CLIENT_LEN), ERR_NONE);
    assert_int_equal(rand_fill(&stream, s.head, SERVER_LEN), ERR_NONE);
    struct rand_source client = scripted_source(&c), server = scripted_source(&s);
    struct exchange x;
    uint8_t h[HASH_MAX_LEN];
    exchange_init(&x, "sntrup761x25519-sha512@openssh.com");
    exchange_run(&x, &client, &server);
    assert_int_equal(kex_public(x.client).n, 1190);
    expect_sha256(kex_public(x.client).p, 1190,
                  "0dab874e2094bfcd94f2f19cad7276b1ff96159bfe7fb8dac71f01467b579b1a");
    assert_int_equal(x.server_public.n, 1071);
    expect_sha256(x.server_public.p, 1071,
                  "697d75f3dfb32bdd6516a2ab047202396b8aed13ca1601a69b47c5a170c63ac3");
    expect_all_hex(x.client_secret.p, x.client_secret.n,
                   "00000040"
                   "3a988056eae8534d76ede28ff5212995337e028c64b2ae53e19ded79cb5a1b9c"
                   "67736de17d6b2c578dac4abf7119e0a18c06b56336c0f040cb923752d4f163e7");
    expect_equal(&x.client_secret, &x.server_secret);
    exchange_hash(&x, h);
    expect_all_hex(h, 64,
                   "d4d243745ff3d0bd8f95baa11cd58444fcdd0431bfd0ab4a5a4f919b0d335609"
                   "e73dfa8bc5c3a947e867b48304a04bfbc8a409a58d99b5173944cdd3f14c7b8b");
    expect_key_c(&x, h, 64,
                 "07b273ad6a1f07ad55cff0f3660ec978d5cdeb0a1382ab50cfcf14985002a68e"
                 "274210f14d62ed779ab899b60e661c36ab9c930568e5668925f095f75ebe482a");
    exchange_clear(&x);
}

enum vector_curve { P256 = CURVE_P256, P384 = CURVE_P384, P521 = CURVE_P521, X25519 };

static const struct vector {
    enum vector_curve curve;
    int number;
    bool has_result;
    const char *public_value, *private_key, *shared;
} vectors[] = {
#define VECTOR(...) {__VA_ARGS__},
#include "crypto/ecdh_vectors.inc"
#undef VECTOR
};

static void
run_vector(const struct vector *v)
{
    uint8_t peer[256], private_key[256], shared[CURVE_SCALAR_MAX];
    struct bytes point = bytes_of(peer, unhex(v->public_value, peer, sizeof peer));
    struct bytes scalar =
        bytes_of(private_key, unhex(v->private_key, private_key, sizeof private_key));
    enum err e = v->curve == X25519 ? x25519_shared(private_key, point, shared)
                                    : curve_shared(curve_by_id((enum curve_id)v->curve),
                                                   scalar, point, shared);
    if (e != (v->has_result ? ERR_NONE : ERR_CRYPTO))
        fail_msg("curve %d number %d: %s", v->curve, v->number, err_name(e));
    if (v->has_result)
        expect_all_hex(shared, strlen(v->shared) / 2, v->shared);
}

static void
wycheproof_key_agreement(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        run_vector(&vectors[i]);
}

static void
derive_key_extends_past_one_hash(void **state)
{
    (void)state;
    /* Computed with Python's hashlib from RFC 4253 7.2. */
    struct bytes secret = BYTES_LIT("\0\0\0\1K"), h = BYTES_LIT("exchange hash");
    uint8_t key[128];
    assert_int_equal(kex_derive_key(HASH_SHA256, secret, h, 'A', BYTES_LIT("session"),
                                    key, sizeof key),
                     ERR_NONE);
    expect_all_hex(key, sizeof key,
                   "e63d7fb8f3eb2e9aa00e9f025f3924f04a189153d25a78d1dddccb9a194bf1dc"
                   "1112883bf2a2fd6c852d4c7e179d48530aceaedd2b7a8afa650229cbbcee74f9"
                   "3c2ccea3e8b42d3ffe36e85e1263ae328c20d168e85b3013b53dbb9ee9597e13"
                   "524bffa717e8e56b748677851ed86161576d8c82b52bee815528addc98668896");
    assert_int_equal(
        kex_derive_key(HASH_SHA256, secret, h, 'A', BYTES_LIT("session"), key, 0),
        ERR_NONE);
}

/* ---- every method ---- */

static void
both_sides_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct exchange x;
        exchange_init(&x, methods[i]);
        exchange_run(&x, &rand_system, &rand_system);
        expect_equal(&x.client_secret, &x.server_secret);
        exchange_clear(&x);
    }
}

static void
expect_both_refuse(const char *method, struct bytes peer)
{
    struct exchange x;
    exchange_init(&x, method);
    assert_int_equal(kex_new(x.algo, &rand_system, &x.client), ERR_NONE);
    enum err as_client = kex_finish(x.client, peer, &x.client_secret);
    enum err as_server =
        kex_reply(x.algo, &rand_system, peer, &x.server_public, &x.server_secret);
    if (as_client != ERR_CRYPTO || as_server != ERR_CRYPTO)
        fail_msg("%s took %zu octets: %s, %s", method, peer.n, err_name(as_client),
                 err_name(as_server));
    assert_int_equal(x.client_secret.n, 0);
    assert_int_equal(x.server_secret.n, 0);
    exchange_clear(&x);
}

/* Threats K3: libssh read past the end of a short key (CVE-2026-59842). */
static void
wrong_lengths_are_refused(void **state)
{
    (void)state;
    static uint8_t value[KEX_PUBLIC_MAX];
    memset(value, 4, sizeof value);
    static const size_t lengths[] = {0,    1,    31,   33,   64,       66,
                                     96,   98,   132,  134,  1071 - 1, 1119,
                                     1121, 1189, 1191, 1215, 1217,     KEX_PUBLIC_MAX};
    for (size_t i = 0; i < 8; i++) /* the methods that are not finite-field */
        for (size_t k = 0; k < ARRAY_LEN(lengths); k++)
            expect_both_refuse(methods[i], bytes_of(value, lengths[k]));
}

static void
all_zero_x25519_is_refused_in_hybrids_too(void **state)
{
    (void)state;
    static const uint8_t zeros[1216];
    expect_both_refuse("curve25519-sha256", bytes_of(zeros, 32));
    struct exchange x;
    exchange_init(&x, "mlkem768x25519-sha256");
    assert_int_equal(kex_new(x.algo, &rand_system, &x.client), ERR_NONE);
    uint8_t value[1216];
    memcpy(value, kex_public(x.client).p, 1184);
    memset(value + 1184, 0, 32);
    assert_int_equal(kex_reply(x.algo, &rand_system, bytes_of(value, sizeof value),
                               &x.server_public, &x.server_secret),
                     ERR_CRYPTO);
    assert_int_equal(kex_finish(x.client, bytes_of(zeros, 1120), &x.client_secret),
                     ERR_CRYPTO);
    assert_int_equal(x.server_public.n + x.server_secret.n + x.client_secret.n, 0);
    exchange_clear(&x);
}

static void
mlkem_key_that_is_not_reduced_is_refused(void **state)
{
    (void)state;
    struct exchange x;
    exchange_init(&x, "mlkem768x25519-sha256");
    assert_int_equal(kex_new(x.algo, &rand_system, &x.client), ERR_NONE);
    uint8_t value[1216];
    memcpy(value, kex_public(x.client).p, sizeof value);
    value[0] = 0xff; /* the first coefficient becomes 4095 */
    value[1] |= 0x0f;
    assert_int_equal(kex_reply(x.algo, &rand_system, bytes_of(value, sizeof value),
                               &x.server_public, &x.server_secret),
                     ERR_CRYPTO);
    exchange_clear(&x);
}

/* ---- finite fields ---- */

static size_t
group14_minus(unsigned less, uint8_t out[257])
{
    BIGNUM *p = BN_get_rfc3526_prime_2048(NULL);
    assert_int_equal(BN_sub_word(p, less), 1);
    out[0] = 0; /* the top bit is set */
    assert_int_equal(BN_bn2binpad(p, out + 1, 256), 256);
    BN_free(p);
    return 257;
}

static void
dh_values_out_of_range_are_refused(void **state)
{
    (void)state;
    const char *method = "diffie-hellman-group14-sha256";
    expect_both_refuse(method, BYTES_LIT(""));             /* 0 */
    expect_both_refuse(method, BYTES_LIT("\0"));           /* 0, padded */
    expect_both_refuse(method, BYTES_LIT("\x01"));         /* 1 */
    expect_both_refuse(method, BYTES_LIT("\xff\x11"));     /* negative */
    expect_both_refuse(method, BYTES_LIT("\x00\x7f\x7f")); /* padded */
    expect_both_refuse(method, BYTES_LIT("\x04"));         /* a power of the base */
    uint8_t value[2048];
    expect_both_refuse(method, bytes_of(value, group14_minus(1, value)));
    expect_both_refuse(method, bytes_of(value, group14_minus(0, value)));
    memset(value, 0x7f, sizeof value);
    expect_both_refuse(method, bytes_of(value, 257));
    expect_both_refuse(method, bytes_of(value, sizeof value));
}

/* The group's prime as a magnitude. */
static struct bytes
group14_prime(uint8_t store[257])
{
    group14_minus(0, store);
    return bytes_of(store + 1, 256);
}

static enum err
gex_try(struct bytes p, struct bytes g, uint32_t min, uint32_t max)
{
    struct exchange x;
    exchange_init(&x, "diffie-hellman-group-exchange-sha256");
    assert_int_equal(kex_new(x.algo, &rand_system, &x.client), ERR_NONE);
    enum err e = kex_gex_group(x.client, p, g, min, max);
    exchange_clear(&x);
    return e;
}

static void
group_exchange_takes_only_good_groups(void **state)
{
    (void)state;
    uint8_t store[257], even[257], small[128], g_max[257];
    struct bytes p = group14_prime(store), two = BYTES_LIT("\x02");
    assert_int_equal(gex_try(p, two, 2048, 8192), ERR_NONE);
    assert_int_equal(gex_try(p, two, 2048, 2048), ERR_NONE);
    assert_int_equal(gex_try(p, two, 2049, 8192), ERR_CRYPTO);
    assert_int_equal(gex_try(p, two, 1024, 2047), ERR_CRYPTO);
    assert_int_equal(gex_try(p, BYTES_LIT(""), 2048, 8192), ERR_CRYPTO);
    assert_int_equal(gex_try(p, BYTES_LIT("\x01"), 2048, 8192), ERR_CRYPTO);
    group14_minus(1, g_max);
    assert_int_equal(gex_try(p, bytes_of(g_max + 1, 256), 2048, 8192), ERR_CRYPTO);
    memcpy(even, store, sizeof even);
    even[256] &= 0xfe;
    assert_int_equal(gex_try(bytes_of(even + 1, 256), two, 2048, 8192), ERR_CRYPTO);
    memset(small, 0xff, sizeof small);
    assert_int_equal(gex_try(bytes_of(small, sizeof small), two, 1024, 8192), ERR_CRYPTO);
    static uint8_t large[1025];
    memset(large, 0xff, sizeof large);
    assert_int_equal(gex_try(bytes_of(large, sizeof large), two, 2048, 9000), ERR_CRYPTO);
}

static void
group_exchange_agrees_with_the_fixed_group(void **state)
{
    (void)state;
    uint8_t store[257];
    struct exchange gex, fixed;
    exchange_init(&gex, "diffie-hellman-group-exchange-sha256");
    exchange_init(&fixed, "diffie-hellman-group14-sha256");
    assert_int_equal(kex_new(gex.algo, &rand_system, &gex.client), ERR_NONE);
    /* Nothing can be finished, or started twice, around the group. */
    assert_int_equal(kex_finish(gex.client, BYTES_LIT("\x05"), &gex.client_secret),
                     ERR_BUG);
    assert_int_equal(
        kex_gex_group(gex.client, group14_prime(store), BYTES_LIT("\x02"), 2048, 8192),
        ERR_NONE);
    assert_int_equal(
        kex_gex_group(gex.client, group14_prime(store), BYTES_LIT("\x02"), 2048, 8192),
        ERR_BUG);
    assert_int_equal(kex_reply(fixed.algo, &rand_system, kex_public(gex.client),
                               &fixed.server_public, &fixed.server_secret),
                     ERR_NONE);
    assert_int_equal(
        kex_finish(gex.client, buf_bytes(&fixed.server_public), &gex.client_secret),
        ERR_NONE);
    expect_equal(&gex.client_secret, &fixed.server_secret);
    exchange_clear(&gex);
    exchange_clear(&fixed);
}

static void
server_refuses_group_exchange(void **state)
{
    (void)state;
    struct exchange x;
    exchange_init(&x, "diffie-hellman-group-exchange-sha256");
    assert_int_equal(kex_reply(x.algo, &rand_system, BYTES_LIT("\x05"), &x.server_public,
                               &x.server_secret),
                     ERR_BUG);
    exchange_clear(&x);
}

/* ---- randomness ---- */

static enum err
broken_fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx, (void)p, (void)n;
    return ERR_CRYPTO;
}

static void
no_randomness_no_exchange(void **state)
{
    (void)state;
    const struct rand_source broken = {.fill = broken_fill};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct exchange good, bad;
        exchange_init(&good, methods[i]);
        exchange_init(&bad, methods[i]);
        assert_int_equal(kex_new(bad.algo, &broken, &bad.client), ERR_CRYPTO);
        assert_null(bad.client);
        assert_int_equal(kex_new(good.algo, &rand_system, &good.client), ERR_NONE);
        assert_int_equal(kex_reply(good.algo, &broken, kex_public(good.client),
                                   &good.server_public, &good.server_secret),
                         ERR_CRYPTO);
        assert_int_equal(good.server_public.n + good.server_secret.n, 0);
        exchange_clear(&good);
        exchange_clear(&bad);
    }
}

static void
a_source_that_never_fits_the_order_ends(void **state)
{
    (void)state;
    struct scripted zeros = {.tail = 0}, ones = {.tail = 0xff};
    const struct rand_source low = scripted_source(&zeros), high = scripted_source(&ones);
    for (int i = CURVE_P256; i <= CURVE_P521; i++) {
        uint8_t scalar[CURVE_SCALAR_MAX];
        const struct curve *curve = curve_by_id((enum curve_id)i);
        assert_int_equal(curve_scalar(curve, &low, scalar), ERR_CRYPTO);
        assert_int_equal(curve_scalar(curve, &high, scalar), ERR_CRYPTO);
    }
}

/* What a child process draws: 16 octets as for a cookie, and an ephemeral. */
enum { DRAWN_LEN = 16 + 32 };

static void
draw(uint8_t out[DRAWN_LEN])
{
    struct kex *kex = NULL;
    assert_int_equal(rand_fill(&rand_system, out, 16), ERR_NONE);
    assert_int_equal(
        kex_new(kex_by_name(BYTES_LIT("curve25519-sha256")), &rand_system, &kex),
        ERR_NONE);
    memcpy(out + 16, kex_public(kex).p, 32);
    kex_free(kex);
}

static void
draw_in_child(uint8_t out[DRAWN_LEN])
{
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uint8_t mine[DRAWN_LEN];
        draw(mine);
        _exit(write(pipe_fd[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(read(pipe_fd[0], out, DRAWN_LEN), DRAWN_LEN);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

/* Threats K7: the children fork from the very same generator state. */
static void
forked_processes_never_share_randomness(void **state)
{
    (void)state;
    uint8_t drawn[3][DRAWN_LEN];
    draw_in_child(drawn[0]);
    draw_in_child(drawn[1]);
    draw(drawn[2]);
    for (int a = 0; a < 3; a++) {
        for (int b = a + 1; b < 3; b++) {
            assert_memory_not_equal(drawn[a], drawn[b], 16);
            assert_memory_not_equal(drawn[a] + 16, drawn[b] + 16, 32);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve25519_matches_the_vector),
        cmocka_unit_test(mlkem768x25519_matches_the_vector),
        cmocka_unit_test(sntrup761x25519_matches_the_vector),
        cmocka_unit_test(wycheproof_key_agreement),
        cmocka_unit_test(derive_key_extends_past_one_hash),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(all_zero_x25519_is_refused_in_hybrids_too),
        cmocka_unit_test(mlkem_key_that_is_not_reduced_is_refused),
        cmocka_unit_test(dh_values_out_of_range_are_refused),
        cmocka_unit_test(group_exchange_takes_only_good_groups),
        cmocka_unit_test(group_exchange_agrees_with_the_fixed_group),
        cmocka_unit_test(server_refuses_group_exchange),
        cmocka_unit_test(no_randomness_no_exchange),
        cmocka_unit_test(a_source_that_never_fits_the_order_ends),
        cmocka_unit_test(forked_processes_never_share_randomness),
    };
    return cmocka_run_group_tests(tests, load_libcrypto, NULL);
}
