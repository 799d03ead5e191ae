/*
 * For tests: certificates that ssh-keygen would not make. A draft's members
 * are put in wire order and signed by a fixture's key.
 */
#ifndef FERRY_KEY_CERT_MAKE_TEST_H
#define FERRY_KEY_CERT_MAKE_TEST_H

#include "key/cert.h"
#include "key/key_test.h"
#include "wire/cursor.h"
#include "wire/put.h"

struct cert_draft {
    uint64_t serial;
    uint32_t use;
    struct bytes key_id, principals; /* principals: packed */
    uint64_t valid_after, valid_before;
    struct bytes critical, extensions; /* packed */
    const char *ca;                    /* fixture that signs; NULL: "ca" */
    const char *ca_claimed;            /* fixture named as signer; NULL: the same */
    const char *algo;                  /* NULL: ssh-ed25519 */
    const char *trailing;              /* behind the signature; NULL: nothing */
};

/* "\0\0\0\5alice" as packed principals. */
#define ALICE BYTES_LIT("\0\0\0\5alice")

static inline struct cert_draft
cert_draft_for(uint32_t use, struct bytes principals)
{
    return (struct cert_draft){
        .use = use, .principals = principals, .valid_before = UINT64_MAX};
}

/* The key certified is fixture ed25519's. */
static inline struct buf
cert_make(const struct cert_draft *d)
{
    const char *ca = d->ca ? d->ca : "ca";
    struct buf cert, signature, subject = test_blob("ed25519");
    struct buf ca_blob = test_blob(d->ca_claimed ? d->ca_claimed : ca);
    struct cursor c = cursor_of(buf_bytes(&subject));
    struct privkey *key = test_key(ca);
    buf_init(&cert, 1 << 20);
    buf_init(&signature, SIG_BLOB_MAX);
    put_cstring(&cert, "ssh-ed25519-cert-v01@openssh.com");
    put_cstring(&cert, "a nonce");
    cursor_string(&c);
    put_string(&cert, cursor_string(&c));
    put_u64(&cert, d->serial);
    put_u32(&cert, d->use);
    put_string(&cert, d->key_id);
    put_string(&cert, d->principals);
    put_u64(&cert, d->valid_after);
    put_u64(&cert, d->valid_before);
    put_string(&cert, d->critical);
    put_string(&cert, d->extensions);
    put_cstring(&cert, "");
    put_string(&cert, buf_bytes(&ca_blob));
    const struct sig_algo *algo =
        sig_by_name(bytes_str(d->algo ? d->algo : "ssh-ed25519"));
    assert_int_equal(sig_sign(algo, key, buf_bytes(&cert), &signature), ERR_NONE);
    put_string(&cert, buf_bytes(&signature));
    buf_put_str(&cert, d->trailing ? d->trailing : "");
    privkey_free(key);
    buf_clear(&signature);
    buf_clear(&ca_blob);
    buf_clear(&subject);
    test_tighten(&cert);
    return cert;
}

#endif
