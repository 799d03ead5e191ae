/* See cert.h. OpenSSH's PROTOCOL.certkeys; options: one table. */
#include "key/cert.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/address.h"
#include "wire/cursor.h"
#include "wire/put.h"

/* ---- options ---- */

struct option_row {
    const char *name;
    size_t flag;      /* bool of struct cert_options */
    size_t value;     /* struct bytes of it */
    bool is_critical; /* else an extension */
    bool has_value;   /* a string inside the data; else the data is empty */
};

#define OPTION(member) offsetof(struct cert_options, member)

static const struct option_row option_rows[] = {
    {"force-command", OPTION(has_force_command), OPTION(force_command), true, true},
    {"source-address", OPTION(has_source_address), OPTION(source_address), true, true},
    {"verify-required", OPTION(is_verify_required), 0, true, false},
    {"no-touch-required", OPTION(is_touch_waived), 0, false, false},
};

static const struct option_row *
option_find(struct bytes name, bool is_critical)
{
    for (size_t i = 0; i < ARRAY_LEN(option_rows); i++)
        if (option_rows[i].is_critical == is_critical &&
            bytes_eq_str(name, option_rows[i].name))
            return &option_rows[i];
    return NULL;
}

static bool
option_set(const struct option_row *row, struct bytes data, struct cert_options *options)
{
    struct cursor c = cursor_of(data);
    struct bytes value = row->has_value ? cursor_string(&c) : (struct bytes){0};
    if (!cursor_is_done(&c))
        return false;
    *(bool *)((char *)options + row->flag) = true;
    if (row->has_value)
        *(struct bytes *)((char *)options + row->value) = value;
    return true;
}

/* -1, 0, 1 as memcmp orders octets, the shorter first. */
static int
bytes_order(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n != 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : a.n < b.n ? -1 : a.n > b.n;
}

/*
 * Names must ascend, which rules out a second force-command that contradicts
 * the first. Of unknown critical options the first is kept for cert_verify,
 * which refuses it; unknown extensions say nothing to us.
 */
static bool
read_options(struct cert *cert, struct bytes packed, bool is_critical)
{
    struct cursor c = cursor_of(packed);
    struct bytes last = {0};
    while (cursor_left(&c) != 0) {
        struct bytes name = cursor_string(&c), data = cursor_string(&c);
        if (c.failed || name.n == 0 || bytes_order(last, name) >= 0)
            return false;
        last = name;
        const struct option_row *row = option_find(name, is_critical);
        if (row && !option_set(row, data, &cert->options))
            return false;
        if (!row && is_critical && cert->unknown_critical.n == 0)
            cert->unknown_critical = name;
    }
    return !c.failed;
}

/* ---- parsing ---- */

/* Copy the certified key's fields behind its plain type. c: behind the nonce. */
static void
read_plain(struct cursor *c, const struct key_type *type, struct buf *plain)
{
    struct cursor start = *c;
    for (unsigned i = 0; i < key_field_count(type->kind); i++)
        cursor_string(c);
    if (c->failed)
        return;
    put_cstring(plain, key_type_plain(type->kind)->name);
    buf_put(plain, cursor_raw(&start, cursor_left(&start) - cursor_left(c)));
}

static enum err
check_principals(struct bytes packed)
{
    struct cursor c = cursor_of(packed);
    for (unsigned n = 0; cursor_left(&c) != 0; n++) {
        if (n == CERT_PRINCIPALS_MAX)
            return ERR_LIMIT;
        cursor_string(&c);
    }
    return c.failed ? ERR_PROTO : ERR_NONE;
}

/* All fields in wire order; borrows from cert->blob. */
static bool
read_fields(struct cert *cert)
{
    struct cursor all = cursor_of(buf_bytes(&cert->blob)), c = all;
    cert->type = key_type_by_name(cursor_string(&c));
    if (!cert->type || !cert->type->is_cert)
        return false;
    cursor_string(&c); /* nonce: only makes the signed text unpredictable */
    read_plain(&c, cert->type, &cert->plain);
    cert->serial = cursor_u64(&c);
    uint32_t use = cursor_u32(&c);
    cert->key_id = cursor_string(&c);
    cert->principals = cursor_string(&c);
    cert->valid_after = cursor_u64(&c);
    cert->valid_before = cursor_u64(&c);
    cert->critical = cursor_string(&c);
    cert->extensions = cursor_string(&c);
    cursor_string(&c); /* reserved */
    cert->ca_blob = cursor_string(&c);
    cert->signed_part = cursor_raw(&all, cursor_left(&all) - cursor_left(&c));
    cert->signature = cursor_string(&c);
    cert->use = use == CERT_USER ? CERT_USER : CERT_HOST;
    return cursor_is_done(&c) && (use == CERT_USER || use == CERT_HOST);
}

static enum err
read_cert(struct cert *cert)
{
    if (!read_fields(cert))
        return ERR_PROTO;
    const struct key_type *ca = key_type_of_blob(cert->ca_blob);
    if (!ca || ca->is_cert)
        return ERR_PROTO;
    if (!read_options(cert, cert->critical, true) ||
        !read_options(cert, cert->extensions, false))
        return ERR_PROTO;
    return check_principals(cert->principals);
}

enum err
cert_parse(struct bytes blob, struct cert **out, struct fault *why)
{
    if (blob.n > KEY_BLOB_MAX)
        return fault_set(why, ERR_LIMIT, 0, "certificate over %d octets", KEY_BLOB_MAX);
    struct cert *cert = calloc(1, sizeof *cert);
    if (!cert)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    buf_init(&cert->blob, KEY_BLOB_MAX);
    buf_init(&cert->plain, KEY_BLOB_MAX);
    buf_put(&cert->blob, blob);
    enum err e = buf_err(&cert->blob);
    if (e == ERR_NONE)
        e = read_cert(cert);
    if (e == ERR_NONE)
        e = buf_err(&cert->plain);
    if (e == ERR_NONE) {
        *out = cert;
        return ERR_NONE;
    }
    cert_free(cert);
    return fault_set(why, e, 0,
                     e == ERR_PROTO   ? "malformed certificate"
                     : e == ERR_LIMIT ? "certificate with too many principals"
                                      : "out of memory");
}

void
cert_free(struct cert *cert)
{
    if (!cert)
        return;
    buf_clear(&cert->blob);
    buf_clear(&cert->plain);
    free(cert);
}

enum err
cert_plain_blob(struct bytes blob, struct buf *plain)
{
    const struct key_type *type = key_type_of_blob(blob);
    buf_reset(plain);
    if (!type)
        return ERR_PROTO;
    if (!type->is_cert) {
        buf_put(plain, blob);
        return buf_err(plain);
    }
    struct cert *cert;
    struct fault why = {0};
    enum err e = cert_parse(blob, &cert, &why);
    if (e != ERR_NONE)
        return e;
    buf_put(plain, buf_bytes(&cert->plain));
    cert_free(cert);
    return buf_err(plain);
}

/* ---- principals ---- */

bool
cert_has_principal(const struct cert *cert, struct bytes name)
{
    struct cursor c = cursor_of(cert->principals);
    while (name.n != 0 && cursor_left(&c) != 0) {
        struct bytes principal = cursor_string(&c);
        if (!c.failed && bytes_eq(principal, name))
            return true;
    }
    return false;
}

/* A host certificate's principals are patterns for host names. */
static bool
has_host(const struct cert *cert, struct bytes host)
{
    struct cursor c = cursor_of(cert->principals);
    while (host.n != 0 && cursor_left(&c) != 0) {
        struct bytes pattern = cursor_string(&c);
        if (!c.failed && pattern_match(pattern, host, PATTERN_FOLD))
            return true;
    }
    return false;
}

/* Element by element: a principal that itself holds a comma is no list. */
static bool
has_one_of(const struct cert *cert, struct bytes allowed)
{
    struct bytes name;
    while (bytes_next_item(&allowed, &name))
        if (cert_has_principal(cert, name))
            return true;
    return false;
}

static bool
has_wanted_principal(const struct cert *cert, const struct cert_check *check)
{
    if (check->use == CERT_HOST)
        return has_host(cert, check->principal);
    if (check->has_principals_allowed)
        return has_one_of(cert, check->principals_allowed);
    return cert_has_principal(cert, check->principal);
}

/* ---- verification ---- */

static enum err
refuse(struct fault *why, const char *reason)
{
    return fault_set(why, ERR_AUTH, 0, "certificate %s", reason);
}

static enum err
check_options(const struct cert *cert, const struct cert_check *check, struct fault *why)
{
    if (check->use == CERT_HOST)
        return cert->critical.n == 0 ? ERR_NONE
                                     : refuse(why, "of a host has critical options");
    if (cert->unknown_critical.n != 0)
        return refuse(why, "has a critical option unknown here");
    if (cert->options.has_source_address &&
        cidr_list_match(cert->options.source_address, check->address) != PATTERN_YES)
        return refuse(why, "is not valid from this address");
    return ERR_NONE;
}

/* The CA's algorithm must be allowed before its key is even looked at. */
static enum err
check_signature(const struct cert *cert, struct bytes ca_algos, struct fault *why)
{
    struct bytes name = key_blob_type(cert->signature); /* same place, same type */
    const struct sig_algo *algo = sig_by_name(name);
    bool is_allowed = false;
    struct bytes item;
    while (bytes_next_item(&ca_algos, &item))
        is_allowed = is_allowed || bytes_eq(item, name);
    if (!algo || algo->is_cert || !is_allowed)
        return refuse(why, "is signed with an algorithm that is not allowed");
    struct pubkey *ca;
    enum err e = pubkey_parse(cert->ca_blob, &ca);
    if (e != ERR_NONE)
        return fault_set(why, e, 0, "the certificate authority's key is not usable");
    e = sig_verify(algo, ca, cert->signature, cert->signed_part, NULL);
    pubkey_free(ca);
    return e == ERR_NONE ? e
                         : fault_set(why, e, 0, "the certificate's signature is wrong");
}

enum err
cert_verify(const struct cert *cert, const struct cert_check *check, struct fault *why)
{
    if (cert->use != check->use)
        return refuse(why, cert->use == CERT_HOST ? "is for a host, not for a user"
                                                  : "is for a user, not for a host");
    if (check->now < cert->valid_after)
        return refuse(why, "is not valid yet");
    if (check->now >= cert->valid_before)
        return refuse(why, "has expired");
    if (!has_wanted_principal(cert, check))
        return refuse(why, "does not name this user or host");
    enum err e = check_options(cert, check, why);
    return e == ERR_NONE ? check_signature(cert, check->ca_algos, why) : e;
}
