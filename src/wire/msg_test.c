/*
 * Every row of both tables: random values survive put and get, every cut is
 * noticed, and the printer shows no secret.
 */
#include "base/base_test.h"

#include "wire/msg.h"
#include "wire/put.h"

enum { TEXT_MAX = 40, MSG_STORE = 1024, ROUNDS = 20 };

struct any {
    _Alignas(16) uint8_t store[MSG_STORE];
    uint8_t text[16][TEXT_MAX]; /* what the byte fields borrow */
};

static uint32_t
below(uint32_t n)
{
    return (uint32_t)rand() % n;
}

static struct bytes
random_text(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)rand();
    return bytes_of(p, n);
}

static struct bytes
random_names(uint8_t *p)
{
    size_t n = 0, names = below(5);
    for (size_t i = 0; i < names; i++) {
        if (i != 0)
            p[n++] = ',';
        for (uint32_t k = 0, len = 1 + below(6); k < len; k++)
            p[n++] = (uint8_t)('a' + below(26));
    }
    return bytes_of(p, n);
}

static struct sftp_attrs
random_attrs(void)
{
    struct sftp_attrs a = {.flags = below(16)};
    if (a.flags & SFTP_ATTR_SIZE)
        a.size = (uint64_t)rand() << 20;
    if (a.flags & SFTP_ATTR_UIDGID)
        a.uid = below(70000), a.gid = below(70000);
    if (a.flags & SFTP_ATTR_PERMISSIONS)
        a.permissions = below(0200000);
    if (a.flags & SFTP_ATTR_ACMODTIME)
        a.atime = (uint32_t)rand(), a.mtime = (uint32_t)rand();
    return a;
}

static void
fill_field(const struct msg_field *f, void *member, uint8_t *text)
{
    switch (f->type) {
    case FIELD_boolean:
        *(bool *)member = below(2) != 0;
        return;
    case FIELD_u32:
    case FIELD_bulk:
        *(uint32_t *)member = (uint32_t)rand();
        return;
    case FIELD_u64:
        *(uint64_t *)member = (uint64_t)rand() << 31 | (uint64_t)rand();
        return;
    case FIELD_name_list:
        *(struct bytes *)member = random_names(text);
        return;
    case FIELD_mpint:
        *(struct bytes *)member = random_text(text, 1 + below(TEXT_MAX - 1));
        text[0] |= 1; /* a magnitude has no leading zero */
        return;
    case FIELD_cookie:
        *(struct bytes *)member = random_text(text, MSG_COOKIE_LEN);
        return;
    case FIELD_attrs:
        *(struct sftp_attrs *)member = random_attrs();
        return;
    default:
        *(struct bytes *)member = random_text(text, below(TEXT_MAX));
        return;
    }
}

static void
fill(const struct msg_desc *desc, struct any *m)
{
    memset(m, 0, sizeof *m);
    assert_in_range(desc->size, 1, MSG_STORE);
    assert_in_range(desc->n_fields, 0, 16);
    for (size_t i = 0; i < desc->n_fields; i++)
        fill_field(&desc->fields[i], m->store + desc->fields[i].offset, m->text[i]);
}

/* Member by member: the padding between them is nobody's. */
static void
compare_attrs(const struct sftp_attrs *a, const struct sftp_attrs *b)
{
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_int_equal(a->permissions, b->permissions);
    assert_int_equal(a->atime, b->atime);
    assert_int_equal(a->mtime, b->mtime);
}

static void
compare(const struct msg_desc *desc, const struct any *a, const struct any *b)
{
    for (size_t i = 0; i < desc->n_fields; i++) {
        const struct msg_field *f = &desc->fields[i];
        const void *x = a->store + f->offset, *y = b->store + f->offset;
        switch (f->type) {
        case FIELD_boolean:
            assert_int_equal(*(const bool *)x, *(const bool *)y);
            break;
        case FIELD_u32:
        case FIELD_bulk:
            assert_int_equal(*(const uint32_t *)x, *(const uint32_t *)y);
            break;
        case FIELD_u64:
            assert_int_equal(*(const uint64_t *)x, *(const uint64_t *)y);
            break;
        case FIELD_attrs:
            compare_attrs(x, y);
            break;
        default:
            assert_bytes_equal(*(const struct bytes *)x, *(const struct bytes *)y);
            break;
        }
    }
}

static struct cursor
behind_number(const struct msg_desc *desc, struct bytes wire)
{
    struct cursor c = cursor_of(wire);
    if (desc->number != 0)
        assert_int_equal(cursor_u8(&c), desc->number);
    return c;
}

/* The tail that a `rest` takes can be any length, so no cut of it is noticed. */
static size_t
least_len(const struct msg_desc *desc, const struct any *m, size_t len)
{
    if (desc->n_fields == 0)
        return len;
    const struct msg_field *last = &desc->fields[desc->n_fields - 1];
    bool is_rest = last->type == FIELD_rest || last->type == FIELD_secret_rest;
    return is_rest
               ? len - ((const struct bytes *)(const void *)(m->store + last->offset))->n
               : len;
}

static void
round_trip(const struct msg_desc *desc)
{
    struct any in, out;
    struct buf b;
    buf_init(&b, 100000);
    fill(desc, &in);
    msg_put(desc, &b, in.store);
    assert_int_equal(buf_err(&b), ERR_NONE);
    struct cursor c = behind_number(desc, buf_bytes(&b));
    assert_true(msg_get(desc, &c, out.store));
    assert_true(cursor_is_done(&c));
    compare(desc, &in, &out);
    size_t least = least_len(desc, &in, b.n);
    for (size_t cut = desc->number ? 1 : 0; cut < least; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* so that a sanitizer sees the end */
        memcpy(exact, b.p, cut);
        c = behind_number(desc, bytes_of(exact, cut));
        assert_false(msg_get(desc, &c, out.store));
        free(exact);
    }
    buf_clear(&b);
}

static void
every_ssh_row_survives_put_and_get_and_notices_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < SSH_MSG_COUNT; i++)
        for (int round = 0; round < ROUNDS; round++)
            round_trip(&ssh_msgs[i]);
}

static void
every_sftp_row_survives_put_and_get_and_notices_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < SFTP_MSG_COUNT; i++)
        for (int round = 0; round < ROUNDS; round++)
            round_trip(&sftp_msgs[i]);
}

static void
any_octets_can_be_printed(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t wire[200];
        struct bytes payload = random_text(wire, 1 + below(sizeof wire - 1));
        const struct msg_desc *desc = round % 2 ? &ssh_msgs[below(SSH_MSG_COUNT)]
                                                : &sftp_msgs[below(SFTP_MSG_COUNT)];
        struct buf b;
        buf_init(&b, 100000);
        msg_print_wire(desc, &b, payload);
        assert_int_equal(buf_err(&b), ERR_NONE);
        for (size_t i = 0; i < b.n; i++)
            assert_true(b.p[i] >= 0x20);
        buf_clear(&b);
    }
}

static void
printing_censors_secrets(void **state)
{
    (void)state;
    struct ssh_auth_password m = {.password = BYTES_LIT("hunter2"),
                                  .new_password = BYTES_LIT("\0\0\0\7hunter3")};
    struct buf b;
    buf_init(&b, 1000);
    msg_print(&ssh_msgs[SSH_AUTH_PASSWORD], &b, &m);
    assert_null(strstr(buf_cstr(&b), "hunter"));
    assert_non_null(strstr(buf_cstr(&b), "<secret, 7 octets>"));
    buf_clear(&b);
}

static void
attrs_refuse_unknown_flags_but_huaweis(void **state)
{
    (void)state;
    struct cursor c = cursor_of(BYTES_LIT("\0\0\0\x20"));
    assert_int_equal(cursor_attrs(&c).flags, 0);
    assert_false(c.failed);
    c = cursor_of(BYTES_LIT("\0\0\0\x10"));
    (void)cursor_attrs(&c);
    assert_true(c.failed);
}

static void
attrs_refuse_an_extended_count_beyond_the_message(void **state)
{
    (void)state;
    struct cursor c = cursor_of(BYTES_LIT("\x80\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0"));
    (void)cursor_attrs(&c);
    assert_true(c.failed);
    c = cursor_of(BYTES_LIT("\x80\0\0\0\0\0\0\1\0\0\0\1a\0\0\0\1b"));
    (void)cursor_attrs(&c);
    assert_true(cursor_is_done(&c));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ssh_row_survives_put_and_get_and_notices_every_cut),
        cmocka_unit_test(every_sftp_row_survives_put_and_get_and_notices_every_cut),
        cmocka_unit_test(any_octets_can_be_printed),
        cmocka_unit_test(printing_censors_secrets),
        cmocka_unit_test(attrs_refuse_unknown_flags_but_huaweis),
        cmocka_unit_test(attrs_refuse_an_extended_count_beyond_the_message),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
