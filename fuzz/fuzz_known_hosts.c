/*
 * known_hosts: a verdict over hostile text, and an update of it, which may
 * only ever take whole lines away and add whole lines behind.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "key/known_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An Ed25519 key; whose does not matter. */
static const char blob[] = "\0\0\0\x0bssh-ed25519\0\0\0\x20"
                           "0123456789abcdef0123456789abcdef";
#define BLOB bytes_of(blob, sizeof blob - 1)
#define NAME "www.example.com"

static void
check(struct bytes text)
{
    struct known_hosts_file file = {text, "fuzz"};
    struct host_query query = {.name = BYTES_LIT(NAME), .port = 22};
    struct host_finding f;
    unsigned kinds;
    bool has_ca;
    host_finding_init(&f);
    enum host_verdict v = known_hosts_check(&file, 1, &query, BLOB, &f);
    if (v == HOST_KEY_REFUSE || (v == HOST_KEY_NEW) != (f.line == 0))
        abort();
    known_hosts_types(&file, 1, &query, &kinds, &has_ca);
    if (kinds != f.kinds || has_ca != f.has_ca)
        abort();
    host_finding_clear(&f);
}

static void
update(struct bytes text)
{
    struct bytes keys[] = {BLOB};
    struct host_key_changes add = {keys, NULL, 1, 0}, drop = {NULL, keys, 0, 1};
    struct bytes name = BYTES_LIT(NAME);
    struct known_hosts_file file;
    struct host_query query = {.name = name, .port = 22};
    struct host_finding f;
    struct buf less, more;
    buf_init(&less, KNOWN_HOSTS_MAX);
    buf_init(&more, KNOWN_HOSTS_MAX);
    host_finding_init(&f);
    if (known_hosts_update(text, name, &drop, HOST_NAME_PLAIN, NULL, &less) != ERR_NONE ||
        less.n > text.n + 1)
        abort();
    if (known_hosts_update(text, name, &add, HOST_NAME_PLAIN, NULL, &more) != ERR_NONE ||
        more.n < text.n || (text.n != 0 && memcmp(more.p, text.p, text.n) != 0))
        abort();
    file = (struct known_hosts_file){buf_bytes(&more), "fuzz"};
    enum host_verdict v = known_hosts_check(&file, 1, &query, BLOB, &f);
    if (v != HOST_KEY_KNOWN && v != HOST_KEY_REVOKED)
        abort();
    host_finding_clear(&f);
    buf_clear(&more);
    buf_clear(&less);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (crypto_init() != ERR_NONE)
        abort();
    check(bytes_of(data, size));
    update(bytes_of(data, size));
    return 0;
}
