/*
 * For the unit tests of this folder: fixtures of tests/data/keys (whose makers
 * are OpenSSH and OpenSSL, see its `generate`), and short ways to keys.
 */
#ifndef FERRY_KEY_KEY_TEST_H
#define FERRY_KEY_KEY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "crypto/rand.h"
#include "key/private_file.h"
#include "key/pubkey_line.h"

#define PASSPHRASE BYTES_LIT("correct horse") /* of every encrypted fixture */

/* b is cleared and left in a block of exactly the content's size, so that a
 * sanitizer sees the first octet read behind it. */
static inline void
test_tighten(struct buf *b)
{
    uint8_t *exact = malloc(b->n ? b->n : 1);
    assert_non_null(exact);
    memcpy(exact, b->p ? b->p : exact, b->n);
    size_t n = b->n;
    buf_clear(b);
    *b = (struct buf){.p = exact, .n = n, .cap = n, .max = n};
}

static inline struct buf
test_bytes(struct bytes x)
{
    struct buf b;
    buf_init(&b, x.n);
    buf_put(&b, x);
    test_tighten(&b);
    return b;
}

static inline struct buf
test_fixture(const char *name)
{
    char path[512];
    uint8_t block[4096];
    struct buf b;
    snprintf(path, sizeof path, "%s/%s", TEST_KEYS, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("no fixture %s", path);
    buf_init(&b, 1 << 20);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) != 0;)
        buf_put(&b, bytes_of(block, n));
    fclose(f);
    test_tighten(&b);
    return b;
}

/* The blob of "name.pub". */
static inline struct buf
test_blob(const char *name)
{
    char file[128];
    struct buf blob, comment;
    struct fault why = {0};
    snprintf(file, sizeof file, "%s.pub", name);
    struct buf text = test_fixture(file);
    buf_init(&blob, KEY_BLOB_MAX);
    buf_init(&comment, PUBKEY_COMMENT_MAX);
    if (pubkey_text_parse(buf_bytes(&text), &blob, &comment, &why) != ERR_NONE)
        fail_msg("%s: %s", file, why.text);
    buf_clear(&text);
    buf_clear(&comment);
    test_tighten(&blob);
    return blob;
}

static inline struct privkey *
test_key(const char *name)
{
    struct privkey *key = NULL;
    struct fault why = {0};
    struct buf text = test_fixture(name);
    if (private_file_parse(buf_bytes(&text), PASSPHRASE, &key, NULL, &why) != ERR_NONE)
        fail_msg("%s: %s", name, why.text);
    buf_clear(&text);
    return key;
}

/* The buffer's content equals this text. */
static inline void
test_text_is(struct buf *b, const char *want)
{
    const char *have = buf_cstr(b);
    assert_non_null(have);
    assert_string_equal(have, want);
}

/* A group's set-up: libcrypto, once. */
static inline int
test_init(void **state)
{
    (void)state;
    return crypto_init() == ERR_NONE ? 0 : -1;
}

#endif
