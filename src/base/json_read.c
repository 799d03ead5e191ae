/* See json.h: reading what was written there. */
#include "base/json.h"

#include "base/base64.h"
#include "base/utf8.h"

/* What is left of an object; the first wrong octet latches. */
struct reader {
    struct bytes rest;
    bool failed;
};

static bool
take(struct reader *r, char wanted)
{
    if (r->failed || r->rest.n == 0 || r->rest.p[0] != (uint8_t)wanted) {
        r->failed = true;
        return false;
    }
    r->rest = bytes_skip(r->rest, 1);
    return true;
}

static bool
comes(const struct reader *r, char wanted)
{
    return !r->failed && r->rest.n != 0 && r->rest.p[0] == (uint8_t)wanted;
}

/* The raw text between quotes, escapes and all. */
static struct bytes
take_string(struct reader *r)
{
    take(r, '"');
    struct bytes start = r->rest;
    size_t n = 0;
    while (!r->failed && n < start.n && start.p[n] != '"') {
        if (start.p[n] < 0x20)
            r->failed = true;
        n += start.p[n] == '\\' && n + 1 < start.n ? 2 : 1;
    }
    r->rest = bytes_skip(start, n);
    take(r, '"');
    return r->failed ? (struct bytes){0} : bytes_first(start, n);
}

/* A number or a word: all that is neither text nor punctuation. */
static struct bytes
take_bare(struct reader *r)
{
    size_t n = 0;
    while (n < r->rest.n && strchr("+-.0123456789", r->rest.p[n]) && r->rest.p[n])
        n++;
    while (n < r->rest.n && r->rest.p[n] >= 'a' && r->rest.p[n] <= 'z')
        n++;
    struct bytes bare = bytes_first(r->rest, n);
    r->failed |= n == 0;
    r->rest = bytes_skip(r->rest, n);
    return bare;
}

struct member {
    struct bytes key, value; /* raw */
    bool is_text;
};

/* The next member behind the opening brace or the one before. */
static bool
take_member(struct reader *r, bool is_first, struct member *m)
{
    if (r->failed || comes(r, '}'))
        return false;
    if (!is_first)
        take(r, ',');
    m->key = take_string(r);
    take(r, ':');
    m->is_text = comes(r, '"');
    m->value = m->is_text ? take_string(r) : take_bare(r);
    return !r->failed;
}

/* The object is read to its end even when the member was found early: half a line
 * must not pass for a whole one. */
static bool
find(struct bytes object, const char *key, const char *suffix, struct member *found)
{
    struct reader r = {.rest = object};
    struct member m;
    bool has_found = false, is_first = true;
    size_t n = strlen(key);
    take(&r, '{');
    for (; take_member(&r, is_first, &m); is_first = false)
        if (!has_found && bytes_has_prefix(m.key, key) &&
            bytes_eq_str(bytes_skip(m.key, n), suffix)) {
            *found = m;
            has_found = true;
        }
    take(&r, '}');
    return has_found && !r.failed && r.rest.n == 0;
}

bool
json_is_flat_object(struct bytes object)
{
    struct reader r = {.rest = object};
    struct member m;
    take(&r, '{');
    for (bool is_first = true; take_member(&r, is_first, &m);)
        is_first = false;
    take(&r, '}');
    return !r.failed && r.rest.n == 0;
}

static bool
take_hex4(struct bytes *text, uint32_t *unit)
{
    *unit = 0;
    if (text->n < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        uint8_t c = text->p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
        *unit = *unit << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *text = bytes_skip(*text, 4);
    return true;
}

static void
put_code_point(struct buf *out, uint32_t cp)
{
    if (cp < 0x80) {
        buf_put_u8(out, (uint8_t)cp);
        return;
    }
    int n_more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    buf_put_u8(out, (uint8_t)(lead[n_more] | cp >> (6 * n_more)));
    for (int i = n_more - 1; i >= 0; i--)
        buf_put_u8(out, (uint8_t)(0x80 | (cp >> (6 * i) & 0x3f)));
}

/* Behind "\u": one UTF-16 unit, or two that belong together. */
static bool
put_unit(struct bytes *text, struct buf *out)
{
    uint32_t high, low;
    if (!take_hex4(text, &high) || (high >= 0xdc00 && high < 0xe000))
        return false;
    if (high >= 0xd800 && high < 0xdc00) {
        if (!bytes_has_prefix(*text, "\\u"))
            return false;
        *text = bytes_skip(*text, 2);
        if (!take_hex4(text, &low) || low < 0xdc00 || low >= 0xe000)
            return false;
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    put_code_point(out, high);
    return true;
}

/* Take the backslashes out. */
static bool
unescape(struct bytes text, struct buf *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    while (text.n != 0) {
        const uint8_t *slash = memchr(text.p, '\\', text.n);
        size_t plain = slash ? (size_t)(slash - text.p) : text.n;
        buf_put(out, bytes_first(text, plain));
        text = bytes_skip(text, plain);
        if (text.n == 0)
            break;
        if (text.n < 2 || text.p[1] == 0)
            return false;
        uint8_t name = text.p[1];
        text = bytes_skip(text, 2);
        const char *at = strchr(names, name);
        if (at)
            buf_put_u8(out, (uint8_t)values[at - names]);
        else if (name != 'u' || !put_unit(&text, out))
            return false;
    }
    return true;
}

bool
json_get_text(struct bytes object, const char *key, struct buf *value)
{
    struct member m;
    if (find(object, key, "", &m) && m.is_text && utf8_is_valid(m.value))
        return unescape(m.value, value) && buf_err(value) == ERR_NONE;
    return find(object, key, "_b64", &m) && m.is_text &&
           base64_decode(m.value, value) == ERR_NONE;
}

bool
json_get_number(struct bytes object, const char *key, uint64_t *value)
{
    struct member m;
    if (!find(object, key, "", &m) || m.is_text || m.value.n == 0)
        return false;
    uint64_t x = 0;
    for (size_t i = 0; i < m.value.n; i++) {
        uint8_t c = m.value.p[i];
        if (c < '0' || c > '9' || x > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
            return false;
        x = x * 10 + (uint64_t)(c - '0');
    }
    *value = x;
    return true;
}
