/*
 * Loading libcrypto in a hostile environment (threats K10). Runs before
 * anything else has loaded it, so it is a program of its own.
 */
#include "crypto/rand.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/provider.h>

#include "crypto/crypto_test.h"
#include "crypto/lib.h"
#include "crypto/sig.h"

/* A configuration that leaves whoever reads it with a provider of nothing. */
static const char hostile[] = "openssl_conf = all\n"
                              "[all]\n"
                              "providers = some\n"
                              "[some]\n"
                              "null = null_section\n"
                              "[null_section]\n"
                              "activate = 1\n";

static char conf_path[] = "/tmp/ferry-rand-test-XXXXXX";

static int
poison_environment(void **state)
{
    (void)state;
    int fd = mkstemp(conf_path);
    bool is_good = fd >= 0 && write(fd, hostile, strlen(hostile)) == sizeof hostile - 1;
    close(fd);
    return is_good && setenv("OPENSSL_CONF", conf_path, 1) == 0 &&
                   setenv("OPENSSL_MODULES", "/nonexistent", 1) == 0
               ? 0
               : -1;
}

static int
remove_conf(void **state)
{
    (void)state;
    return unlink(conf_path);
}

/* The control: a program that loads libcrypto as usual is left without a hash. */
static void
usual_loading_reads_the_hostile_configuration(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
        _exit(EVP_MD_fetch(NULL, "SHA256", NULL) ? 0 : 7);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void
our_loading_does_not(void **state)
{
    (void)state;
    assert_int_equal(crypto_init(), ERR_NONE);
    assert_int_equal(crypto_init(), ERR_NONE);
    assert_memory_equal(crypto_version(), "OpenSSL ", 8);
    assert_int_equal(OSSL_PROVIDER_available(crypto_lib()->ctx, "default"), 1);
    assert_int_equal(OSSL_PROVIDER_available(crypto_lib()->ctx, "null"), 0);
    assert_int_equal(OSSL_PROVIDER_available(NULL, "null"), 0);
}

/* The oldest PEM form goes through libcrypto's default context. */
static void
not_even_where_libcrypto_uses_its_default_context(void **state)
{
    (void)state;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(crypto_lib()->ctx, NULL, "EC", "P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(),
                                                          (const unsigned char *)"pass",
                                                          4, NULL, NULL),
                     1);
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    struct privkey *key = NULL;
    assert_int_equal(
        privkey_parse_pem(bytes_of(text, (size_t)n), BYTES_LIT("pass"), &key), ERR_NONE);
    assert_int_equal(OSSL_PROVIDER_available(NULL, "null"), 0);
    privkey_free(key);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
}

static void
random_octets_differ(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    assert_int_equal(rand_fill(&rand_system, a, sizeof a), ERR_NONE);
    assert_int_equal(rand_fill(&rand_system, b, sizeof b), ERR_NONE);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(rand_fill(&rand_system, a, 0), ERR_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_loading_reads_the_hostile_configuration),
        cmocka_unit_test(our_loading_does_not),
        cmocka_unit_test(not_even_where_libcrypto_uses_its_default_context),
        cmocka_unit_test(random_octets_differ),
    };
    return cmocka_run_group_tests(tests, poison_environment, remove_conf);
}
