/* See msg.h. The tables are made here; the walkers know field types only. */
#include "wire/msg.h"

#include "base/log.h"
#include "wire/put.h"

/* One field table a message. A message without fields has a table of one
 * unused row: C has no empty arrays. */
#define MSG_BEGIN(NAME, name, number) \
    static const struct msg_field ssh_##name##_fields[] = {
#define MSG_FIELD(msg, type, field) \
    {#field, FIELD_##type, offsetof(struct ssh_##msg, field)},
#define MSG_END(NAME, name) \
    {                       \
        NULL, FIELD_rest, 0 \
    }                       \
    }                       \
    ;
#include "wire/ssh_msgs.def"
#undef MSG_BEGIN
#undef MSG_FIELD
#define MSG_BEGIN(NAME, name, number) \
    static const struct msg_field sftp_##name##_fields[] = {
#define MSG_FIELD(msg, type, field) \
    {#field, FIELD_##type, offsetof(struct sftp_msg_##msg, field)},
#include "wire/sftp_msgs.def"
#undef MSG_BEGIN
#undef MSG_FIELD
#undef MSG_END

#define MSG_FIELD(msg, type, field)
#define MSG_END(NAME, name)
#define MSG_BEGIN(NAME, name, number)                   \
    [SSH_##NAME] = {#NAME, number, ssh_##name##_fields, \
                    ARRAY_LEN(ssh_##name##_fields) - 1, sizeof(struct ssh_##name)},
const struct msg_desc ssh_msgs[SSH_MSG_COUNT] = {
#include "wire/ssh_msgs.def"
};
#undef MSG_BEGIN
#define MSG_BEGIN(NAME, name, number)                     \
    [SFTP_##NAME] = {#NAME, number, sftp_##name##_fields, \
                     ARRAY_LEN(sftp_##name##_fields) - 1, \
                     sizeof(struct sftp_msg_##name)},
const struct msg_desc sftp_msgs[SFTP_MSG_COUNT] = {
#include "wire/sftp_msgs.def"
};
#undef MSG_BEGIN
#undef MSG_FIELD
#undef MSG_END

static void
get_field(const struct msg_field *f, struct cursor *c, void *member)
{
    switch (f->type) {
    case FIELD_boolean:
        *(bool *)member = cursor_bool(c);
        return;
    case FIELD_u32:
    case FIELD_bulk:
        *(uint32_t *)member = cursor_u32(c);
        return;
    case FIELD_u64:
        *(uint64_t *)member = cursor_u64(c);
        return;
    case FIELD_string:
    case FIELD_secret:
        *(struct bytes *)member = cursor_string(c);
        return;
    case FIELD_name_list:
        *(struct bytes *)member = cursor_name_list(c);
        return;
    case FIELD_mpint:
        *(struct bytes *)member = cursor_mpint(c);
        return;
    case FIELD_cookie:
        *(struct bytes *)member = cursor_raw(c, MSG_COOKIE_LEN);
        return;
    case FIELD_rest:
    case FIELD_secret_rest:
        *(struct bytes *)member = cursor_rest(c);
        return;
    case FIELD_attrs:
        *(struct sftp_attrs *)member = cursor_attrs(c);
        return;
    }
}

bool
msg_get(const struct msg_desc *desc, struct cursor *c, void *out)
{
    memset(out, 0, desc->size);
    for (size_t i = 0; i < desc->n_fields; i++)
        get_field(&desc->fields[i], c, (char *)out + desc->fields[i].offset);
    if (c->failed)
        memset(out, 0, desc->size);
    return !c->failed;
}

static void
put_field(const struct msg_field *f, struct buf *b, const void *member)
{
    switch (f->type) {
    case FIELD_boolean:
        put_bool(b, *(const bool *)member);
        return;
    case FIELD_u32:
    case FIELD_bulk:
        put_u32(b, *(const uint32_t *)member);
        return;
    case FIELD_u64:
        put_u64(b, *(const uint64_t *)member);
        return;
    case FIELD_string:
    case FIELD_secret:
    case FIELD_name_list:
        put_string(b, *(const struct bytes *)member);
        return;
    case FIELD_mpint:
        put_mpint(b, *(const struct bytes *)member);
        return;
    case FIELD_cookie:
        if (((const struct bytes *)member)->n != MSG_COOKIE_LEN)
            b->err = ERR_BUG;
        buf_put(b, *(const struct bytes *)member);
        return;
    case FIELD_rest:
    case FIELD_secret_rest:
        buf_put(b, *(const struct bytes *)member);
        return;
    case FIELD_attrs:
        put_attrs(b, member);
        return;
    }
}

void
msg_put(const struct msg_desc *desc, struct buf *b, const void *msg)
{
    if (desc->number != 0)
        buf_put_u8(b, desc->number);
    for (size_t i = 0; i < desc->n_fields; i++)
        put_field(&desc->fields[i], b, (const char *)msg + desc->fields[i].offset);
}

enum { PRINT_TEXT_MAX = 200, PRINT_HEX_MAX = 16 };

static bool
is_text(struct bytes x)
{
    for (size_t i = 0; i < x.n && i < PRINT_TEXT_MAX; i++)
        if (x.p[i] < 0x20 || x.p[i] == 0x7f)
            return false;
    return true;
}

static void
print_bytes(struct buf *b, struct bytes x)
{
    if (is_text(x)) {
        buf_put_u8(b, '"');
        text_escape(b, x, PRINT_TEXT_MAX);
        buf_put_u8(b, '"');
        return;
    }
    for (size_t i = 0; i < x.n && i < PRINT_HEX_MAX; i++)
        buf_printf(b, "%02x", x.p[i]);
    buf_printf(b, "%s(%zu)", x.n > PRINT_HEX_MAX ? "..." : "", x.n);
}

static void
print_attrs(struct buf *b, const struct sftp_attrs *a)
{
    buf_put_u8(b, '{');
    if (a->flags & SFTP_ATTR_SIZE)
        buf_printf(b, "size=%llu ", (unsigned long long)a->size);
    if (a->flags & SFTP_ATTR_UIDGID)
        buf_printf(b, "uid=%u gid=%u ", a->uid, a->gid);
    if (a->flags & SFTP_ATTR_PERMISSIONS)
        buf_printf(b, "permissions=%06o ", a->permissions);
    if (a->flags & SFTP_ATTR_ACMODTIME)
        buf_printf(b, "atime=%u mtime=%u ", a->atime, a->mtime);
    if (a->flags != 0 && buf_err(b) == ERR_NONE)
        buf_truncate(b, b->n - 1);
    buf_put_u8(b, '}');
}

static void
print_field(const struct msg_field *f, struct buf *b, const void *member)
{
    switch (f->type) {
    case FIELD_boolean:
        buf_put_str(b, *(const bool *)member ? "true" : "false");
        return;
    case FIELD_u32:
        buf_printf(b, "%u", *(const uint32_t *)member);
        return;
    case FIELD_bulk:
        buf_printf(b, "[%u octets]", *(const uint32_t *)member);
        return;
    case FIELD_u64:
        buf_printf(b, "%llu", (unsigned long long)*(const uint64_t *)member);
        return;
    case FIELD_secret:
    case FIELD_secret_rest:
        buf_printf(b, "<secret, %zu octets>", ((const struct bytes *)member)->n);
        return;
    case FIELD_string:
    case FIELD_name_list:
    case FIELD_mpint:
    case FIELD_cookie:
    case FIELD_rest:
        print_bytes(b, *(const struct bytes *)member);
        return;
    case FIELD_attrs:
        print_attrs(b, member);
        return;
    }
}

void
msg_print(const struct msg_desc *desc, struct buf *b, const void *msg)
{
    buf_put_str(b, desc->name);
    for (size_t i = 0; i < desc->n_fields; i++) {
        buf_printf(b, " %s=", desc->fields[i].name);
        print_field(&desc->fields[i], b, (const char *)msg + desc->fields[i].offset);
    }
}

/* The largest row's struct, for decoding without knowing which it is. */
union any_msg {
#define MSG_FIELD(msg, type, field)
#define MSG_END(NAME, name)
#define MSG_BEGIN(NAME, name, number) struct ssh_##name ssh_##name##_;
#include "wire/ssh_msgs.def"
#undef MSG_BEGIN
#define MSG_BEGIN(NAME, name, number) struct sftp_msg_##name sftp_##name##_;
#include "wire/sftp_msgs.def"
#undef MSG_BEGIN
#undef MSG_FIELD
#undef MSG_END
};

void
msg_print_wire(const struct msg_desc *desc, struct buf *b, struct bytes payload)
{
    union any_msg msg;
    struct cursor c = cursor_of(payload);
    cursor_u8(&c);
    if (msg_get(desc, &c, &msg))
        msg_print(desc, b, &msg);
    else
        buf_printf(b, "%s malformed, %zu octets", desc->name, payload.n);
}
