/*
 * The mutator of the targets that read records (records.h): it knows their
 * framing and the message tables, so that mutations land inside messages
 * instead of breaking their frames. Linked to libFuzzer's programs only.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "records.h"
#include "wire/msg.h"
#include "wire/put.h"

enum { RECORDS_MAX = 64, MESSAGE_MAX = 4096, MUTATION_ROOM = 64, STORE = 1024 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* ---- messages of the tables, filled at random ---- */

/* What a field of this name likely holds: the way to what lies behind the
 * comparison with such a word. */
static const struct {
    const char *field; /* a part of its name */
    const char *words; /* one of these, separated by spaces */
} likely[] = {
    {"kex_algorithms",
     "curve25519-sha256 curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com "
     "mlkem768x25519-sha256 ecdh-sha2-nistp256,ext-info-s,kex-strict-s-v00@openssh.com "
     "sntrup761x25519-sha512,curve25519-sha256 diffie-hellman-group-exchange-sha256"},
    {"host_key_algorithms", "ssh-ed25519 ssh-ed25519-cert-v01@openssh.com,ssh-ed25519"},
    {"encryption", "aes128-gcm@openssh.com chacha20-poly1305@openssh.com aes128-ctr"},
    {"mac_", "hmac-sha2-256 hmac-sha2-256-etm@openssh.com"},
    {"compression", "none zlib@openssh.com"},
    {"service_name", "ssh-userauth ssh-connection"},
    {"user_name", "tester root"},
    {"method_name", "none password publickey keyboard-interactive "
                    "publickey-hostbound-v00@openssh.com"},
    {"methods_that", "password publickey,password keyboard-interactive"},
    {"algorithm", "ssh-ed25519 rsa-sha2-512 ecdsa-sha2-nistp256 "
                  "sk-ssh-ed25519@openssh.com ssh-ed25519-cert-v01@openssh.com"},
    {"channel_type", "session direct-tcpip"},
    {"request_type", "subsystem exec shell env exit-status exit-signal pty-req"},
    {"request_name", "hostkeys-00@openssh.com hostkeys-prove-00@openssh.com "
                     "no-more-sessions@openssh.com keepalive@openssh.com tcpip-forward"},
    {"", "sftp secret server-sig-algs ping@openssh.com 0 a"},
};

static unsigned
below(unsigned n)
{
    return (unsigned)rand() % n;
}

static struct bytes
word_of(const char *words)
{
    unsigned n = 1;
    for (const char *p = words; *p; p++)
        n += *p == ' ' ? 1 : 0;
    for (unsigned skip = below(n); skip != 0; skip--)
        words = strchr(words, ' ') + 1;
    return bytes_of(words, strcspn(words, " "));
}

static struct bytes
likely_word(const char *field)
{
    size_t i = 0;
    while (!strstr(field, likely[i].field))
        i++; /* the last row suits every name */
    if (below(8) == 0)
        i = below(ARRAY_LEN(likely));
    return word_of(likely[i].words);
}

static uint32_t
likely_number(void)
{
    static const uint32_t numbers[] = {0,      1,       2,        3,          32,
                                       1024,   32768,   131072,   2097152,    0x7fffffff,
                                       1 << 8, 1 << 12, 0x100000, 0xfffffffe, 0xffffffff};
    return below(2) ? numbers[below(ARRAY_LEN(numbers))] : below(4);
}

static struct bytes
random_octets(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(1 + below(255)); /* a magnitude has no leading zero */
    return bytes_of(p, n);
}

static void put_fields(const struct msg_desc *desc, struct buf *b);

/* A tail: nothing, a method's fields, words as strings, or numbers. */
static void
put_rest(struct buf *b)
{
    static const enum ssh_msg parts[] = {SSH_AUTH_PASSWORD, SSH_AUTH_PUBLICKEY,
                                         SSH_AUTH_KBDINT};
    switch (below(4)) {
    case 0:
        return;
    case 1:
        put_fields(&ssh_msgs[parts[below(ARRAY_LEN(parts))]], b);
        return;
    case 2:
        for (unsigned n = 1 + below(3); n != 0; n--)
            put_string(b, likely_word(""));
        return;
    default:
        put_u32(b, likely_number());
        return;
    }
}

static void
put_random_field(const struct msg_field *f, struct buf *b)
{
    uint8_t octets[64];
    switch (f->type) {
    case FIELD_boolean:
        put_bool(b, below(2) != 0);
        return;
    case FIELD_u32:
    case FIELD_bulk:
        put_u32(b, likely_number());
        return;
    case FIELD_u64:
        put_u64(b, likely_number());
        return;
    case FIELD_mpint:
        put_mpint(b, random_octets(octets, 1 + below(sizeof octets)));
        return;
    case FIELD_cookie:
        buf_put(b, random_octets(octets, MSG_COOKIE_LEN));
        return;
    case FIELD_rest:
    case FIELD_secret_rest:
        put_rest(b);
        return;
    case FIELD_attrs:
        put_u32(b, 0);
        return;
    default:
        if (strstr(f->name, "public") || below(8) == 0)
            put_string(b, random_octets(octets, below(2) ? 32 : below(sizeof octets)));
        else
            put_string(b, likely_word(f->name));
        return;
    }
}

static void
put_fields(const struct msg_desc *desc, struct buf *b)
{
    for (size_t i = 0; i < desc->n_fields; i++)
        put_random_field(&desc->fields[i], b);
}

static void
put_message(struct buf *b)
{
    const struct msg_desc *desc = &ssh_msgs[below(SSH_MSG_COUNT)];
    if (desc->number == 0)
        desc = &ssh_msgs[SSH_USERAUTH_REQUEST];
    buf_put_u8(b, desc->number);
    put_fields(desc, b);
    if (desc->n_fields != 0 && desc->fields[desc->n_fields - 1].type == FIELD_bulk &&
        below(4) != 0) { /* a length that is true, and that much behind it */
        uint32_t len = below(200);
        store_u32(b->p + b->n - 4, len);
        for (; len != 0; len--)
            buf_put_u8(b, (uint8_t)len);
    }
}

/* ---- the mutator ---- */

struct draft {
    uint8_t *data;
    size_t size, max;
    size_t at[RECORDS_MAX]; /* where each record begins */
    size_t n;
};

static void
find_records(struct draft *d)
{
    size_t at = 1;
    for (d->n = 0; d->n < RECORDS_MAX && at + RECORD_HEAD <= d->size; d->n++) {
        d->at[d->n] = at;
        at += RECORD_HEAD + ((size_t)d->data[at + 1] << 8 | d->data[at + 2]);
    }
}

/* One past record i's last octet, which may be cut short. */
static size_t
end_of(const struct draft *d, size_t i)
{
    size_t len = (size_t)d->data[d->at[i] + 1] << 8 | d->data[d->at[i] + 2];
    size_t left = d->size - d->at[i] - RECORD_HEAD;
    return d->at[i] + RECORD_HEAD + (len < left ? len : left);
}

/* Replace [from, to) by new; nothing happens when it does not fit. */
static void
splice(struct draft *d, size_t from, size_t to, struct bytes new)
{
    if (d->size - (to - from) + new.n > d->max)
        return;
    memmove(d->data + from + new.n, d->data + to, d->size - to);
    if (new.n != 0)
        memcpy(d->data + from, new.p, new.n);
    d->size = d->size - (to - from) + new.n;
}

static void
put_record(struct buf *b, uint8_t kind, struct bytes body)
{
    buf_put_u8(b, kind);
    buf_put_u8(b, (uint8_t)(body.n >> 8));
    buf_put_u8(b, (uint8_t)body.n);
    buf_put(b, body);
}

static void
insert_record(struct draft *d)
{
    uint8_t octets[16];
    struct buf body, record;
    uint8_t kind = (uint8_t)(below(4) ? RECORD_PACKET : below(RECORD_KINDS));
    buf_init(&body, MESSAGE_MAX);
    buf_init(&record, MESSAGE_MAX + RECORD_HEAD);
    if (kind == RECORD_PACKET)
        put_message(&body);
    else
        buf_put(&body, random_octets(octets, 1 + below(sizeof octets)));
    kind = (uint8_t)(kind + RECORD_KINDS * below(2));
    put_record(&record, kind, buf_bytes(&body));
    size_t at = d->n != 0 && below(3) ? d->at[below((unsigned)d->n)] : d->size;
    splice(d, at, at, buf_bytes(&record));
    buf_clear(&body);
    buf_clear(&record);
}

static void
mutate_body(struct draft *d, size_t i)
{
    static uint8_t body[MESSAGE_MAX];
    size_t from = d->at[i] + RECORD_HEAD, n = end_of(d, i) - from;
    if (n > MESSAGE_MAX - MUTATION_ROOM)
        return;
    memcpy(body, d->data + from, n);
    size_t new_len = LLVMFuzzerMutate(body, n, n + MUTATION_ROOM);
    uint8_t head[2] = {(uint8_t)(new_len >> 8), (uint8_t)new_len};
    size_t before = d->size;
    splice(d, from, from + n, bytes_of(body, new_len));
    if (d->size - before == new_len - n)
        memcpy(d->data + from - 2, head, sizeof head);
}

/* Decode the record's message, put one field anew, and the others as they are. */
static void
mutate_field(struct draft *d, size_t i)
{
    struct bytes body =
        bytes_of(d->data + d->at[i] + RECORD_HEAD, end_of(d, i) - d->at[i] - RECORD_HEAD);
    _Alignas(16) uint8_t store[STORE];
    const struct msg_desc *desc = NULL;
    for (size_t m = below(SSH_MSG_COUNT), k = 0; k < SSH_MSG_COUNT && !desc; k++) {
        desc = &ssh_msgs[(m + k) % SSH_MSG_COUNT];
        struct cursor c = cursor_of(bytes_skip(body, 1));
        if (body.n == 0 || desc->number != body.p[0] || desc->n_fields == 0 ||
            desc->size > STORE || !msg_get(desc, &c, store))
            desc = NULL;
    }
    if (!desc)
        return;
    struct buf fresh, record;
    buf_init(&fresh, MESSAGE_MAX);
    buf_init(&record, MESSAGE_MAX + RECORD_HEAD);
    size_t chosen = below((unsigned)desc->n_fields);
    buf_put_u8(&fresh, desc->number);
    for (size_t f = 0; f < desc->n_fields; f++) {
        struct msg_desc one = {"", 0, &desc->fields[f], 1, desc->size};
        if (f == chosen)
            put_random_field(&desc->fields[f], &fresh);
        else
            msg_put(&one, &fresh, store);
    }
    put_record(&record, d->data[d->at[i]], buf_bytes(&fresh));
    if (buf_err(&record) == ERR_NONE)
        splice(d, d->at[i], end_of(d, i), buf_bytes(&record));
    buf_clear(&fresh);
    buf_clear(&record);
}

static void
duplicate(struct draft *d, size_t i)
{
    static uint8_t record[MESSAGE_MAX];
    size_t n = end_of(d, i) - d->at[i];
    if (n > sizeof record)
        return;
    memcpy(record, d->data + d->at[i], n);
    size_t at = d->at[below((unsigned)d->n)];
    splice(d, at, at, bytes_of(record, n));
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct draft d = {.data = data, .size = size, .max = max_size};
    srand(seed);
    if (size == 0 || below(16) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    find_records(&d);
    if (d.n == 0 || below(4) == 0) {
        insert_record(&d);
        return d.size;
    }
    size_t i = below((unsigned)d.n);
    switch (below(8)) {
    case 0:
        splice(&d, d.at[i], end_of(&d, i), (struct bytes){0});
        break;
    case 1:
        duplicate(&d, i);
        break;
    case 2:
        data[d.at[i]] = (uint8_t)below(2 * RECORD_KINDS);
        break;
    case 3:
        data[0] = (uint8_t)below(256);
        break;
    case 4:
    case 5:
        mutate_field(&d, i);
        break;
    default:
        mutate_body(&d, i);
        break;
    }
    return d.size;
}
