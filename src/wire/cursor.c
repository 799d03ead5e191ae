/* See cursor.h. Every read goes through cursor_raw, the one bounds check. */
#include "wire/cursor.h"

struct bytes
cursor_raw(struct cursor *c, size_t n)
{
    if (c->failed || n > (size_t)(c->end - c->p)) {
        c->failed = true;
        return (struct bytes){0};
    }
    struct bytes b = bytes_of(c->p, n);
    if (n != 0) /* NULL + 0, for an empty source, is undefined in C17 */
        c->p += n;
    return b;
}

uint8_t
cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_raw(c, 1);
    return b.n ? b.p[0] : 0;
}

uint32_t
cursor_u32(struct cursor *c)
{
    struct bytes b = cursor_raw(c, 4);
    if (b.n == 0)
        return 0;
    return (uint32_t)b.p[0] << 24 | (uint32_t)b.p[1] << 16 | (uint32_t)b.p[2] << 8 |
           b.p[3];
}

uint64_t
cursor_u64(struct cursor *c)
{
    uint64_t high = cursor_u32(c);
    return high << 32 | cursor_u32(c);
}

bool
cursor_bool(struct cursor *c)
{
    return cursor_u8(c) != 0;
}

struct bytes
cursor_string(struct cursor *c)
{
    uint32_t n = cursor_u32(c);
    return cursor_raw(c, n);
}

struct bytes
cursor_mpint(struct cursor *c)
{
    struct bytes b = cursor_string(c);
    if (b.n == 0)
        return b;
    bool is_negative = (b.p[0] & 0x80) != 0;
    bool is_padded = b.p[0] == 0 && (b.n == 1 || (b.p[1] & 0x80) == 0);
    if (is_negative || is_padded || b.n > MPINT_MAX + 1) {
        c->failed = true;
        return (struct bytes){0};
    }
    return b.p[0] == 0 ? bytes_skip(b, 1) : b;
}

bool
name_is_valid(struct bytes name)
{
    if (name.n == 0 || name.n > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= 0x20 || name.p[i] >= 0x7f || name.p[i] == ',')
            return false;
    return true;
}

struct bytes
cursor_name_list(struct cursor *c)
{
    struct bytes list = cursor_string(c);
    struct bytes rest = list, name;
    size_t n_names = 0;
    while (bytes_next_item(&rest, &name))
        if (!name_is_valid(name) || ++n_names > NAME_LIST_MAX_NAMES)
            c->failed = true;
    /* The walk does not see an empty last name, so "a," passes. It has to: libssh
     * 0.10 ends its cipher lists in a comma. */
    return c->failed ? (struct bytes){0} : list;
}

struct bytes
cursor_rest(struct cursor *c)
{
    return cursor_raw(c, cursor_left(c));
}
