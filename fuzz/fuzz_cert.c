/*
 * Certificates: blobs parsed, asked and verified. The seeds are signed, so
 * that the way to the signature check is open; what gets there on a mutated
 * input must end in a refusal with a reason.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "key/cert.h"
#include "key/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
verify(const struct cert *cert, enum cert_use use)
{
    struct cert_check check = {
        .use = use,
        .now = 1700000000,
        .ca_algos = BYTES_LIT("ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512"),
        .principal = BYTES_LIT("www.example.com"),
        .address = BYTES_LIT("192.0.2.7"),
    };
    struct fault why = {0};
    enum err e = cert_verify(cert, &check, &why);
    if ((e == ERR_NONE) != (why.text[0] == '\0') || (e == ERR_NONE && cert->use != use))
        abort();
    if (cert_has_principal(cert, (struct bytes){0}))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes blob = bytes_of(data, size);
    struct cert *cert = NULL;
    struct fault why = {0};
    struct buf plain;
    if (crypto_init() != ERR_NONE)
        abort();
    buf_init(&plain, KEY_BLOB_MAX);
    enum err e = cert_parse(blob, &cert, &why);
    if ((e == ERR_NONE) != (cert != NULL) || (e == ERR_NONE && !key_blob_is_whole(blob)))
        abort();
    if (cert) {
        verify(cert, CERT_USER);
        verify(cert, CERT_HOST);
    }
    e = cert_plain_blob(blob, &plain);
    if (e == ERR_NONE && key_type_of_blob(buf_bytes(&plain))->is_cert)
        abort();
    cert_free(cert);
    buf_clear(&plain);
    return 0;
}
