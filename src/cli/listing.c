/* See listing.h. */
#include "cli/listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/progress.h"

enum err
listing_add(struct listing *l, struct bytes name, const struct sftp_attrs *attrs)
{
    if (l->n == LISTING_MAX)
        return ERR_LIMIT;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct listing_entry *grown = realloc(l->entries, cap * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        l->entries = grown;
        l->cap = cap;
    }
    char *copy = malloc(name.n + 1);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, name.p, name.n);
    copy[name.n] = '\0';
    l->entries[l->n++] = (struct listing_entry){copy, name.n, *attrs};
    return ERR_NONE;
}

void
listing_clear(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->entries[i].name);
    free(l->entries);
    *l = (struct listing){0};
}

/* ---- modes ---- */

static const struct {
    uint32_t type;
    char letter;
    const char *word;
    const char *color; /* SGR; NULL: none */
} types[] = {
    {S_IFREG, '-', "regular file", NULL},    {S_IFDIR, 'd', "directory", "1;34"},
    {S_IFLNK, 'l', "symbolic link", "1;36"}, {S_IFIFO, 'p', "fifo", "33"},
    {S_IFSOCK, 's', "socket", "1;35"},       {S_IFCHR, 'c', "character device", "1;33"},
    {S_IFBLK, 'b', "block device", "1;33"},
};

static bool
has(const struct sftp_attrs *a, enum sftp_attr_flag flag)
{
    return (a->flags & (uint32_t)flag) != 0;
}

/* Index into types[]; ARRAY_LEN: unknown. */
static size_t
type_index(const struct sftp_attrs *a)
{
    size_t i = 0;
    if (!has(a, SFTP_ATTR_PERMISSIONS))
        return ARRAY_LEN(types);
    while (i < ARRAY_LEN(types) && types[i].type != (a->permissions & S_IFMT))
        i++;
    return i;
}

const char *
file_type_word(const struct sftp_attrs *a)
{
    size_t i = type_index(a);
    return i < ARRAY_LEN(types) ? types[i].word : "unknown";
}

/* One rwx group; special: the letter of setuid, setgid or sticky, or 0. */
static void
put_rwx(struct buf *out, uint32_t bits, char special)
{
    buf_put_u8(out, bits & 4 ? 'r' : '-');
    buf_put_u8(out, bits & 2 ? 'w' : '-');
    char x = bits & 1 ? 'x' : '-';
    if (special)
        x = bits & 1 ? special : (char)(special - 32);
    buf_put_u8(out, (uint8_t)x);
}

void
mode_put(struct buf *out, const struct sftp_attrs *a)
{
    if (!has(a, SFTP_ATTR_PERMISSIONS)) {
        buf_put_str(out, "??????????");
        return;
    }
    size_t i = type_index(a);
    uint32_t mode = a->permissions;
    buf_put_u8(out, (uint8_t)(i < ARRAY_LEN(types) ? types[i].letter : '?'));
    put_rwx(out, mode >> 6, mode & S_ISUID ? 's' : 0);
    put_rwx(out, mode >> 3, mode & S_ISGID ? 's' : 0);
    put_rwx(out, mode, mode & S_ISVTX ? 't' : 0);
}

/* ---- order ---- */

static int
compare_names(const struct listing_entry *a, const struct listing_entry *b)
{
    size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, n);
    return order ? order : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

/* Larger first; equal ones by name. */
static int
compare_numbers(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static int
compare(const void *left, const void *right, void *context)
{
    const struct listing_entry *a = left, *b = right;
    const struct listing_style *style = context;
    int order = 0;
    if (style->by_time)
        order = compare_numbers(a->attrs.mtime, b->attrs.mtime);
    else if (style->by_size)
        order = compare_numbers(a->attrs.size, b->attrs.size);
    if (order == 0)
        order = compare_names(a, b);
    return style->is_reversed ? -order : order;
}

/* ---- text ---- */

static void
put_text(struct buf *out, struct bytes name, const struct listing_style *style)
{
    const uint8_t *at;
    while (style->keeps_backslash && (at = memchr(name.p, '\\', name.n)) != NULL) {
        text_escape(out, bytes_first(name, (size_t)(at - name.p)), 0);
        buf_put_u8(out, '\\');
        name = bytes_skip(name, (size_t)(at - name.p) + 1);
        if (name.n == 0)
            return;
    }
    text_escape(out, name, 0);
}

static void
put_name(struct buf *out, const struct listing_entry *e,
         const struct listing_style *style)
{
    struct bytes name = bytes_of(e->name, e->name_len);
    size_t type = type_index(&e->attrs);
    const char *color = type < ARRAY_LEN(types) ? types[type].color : NULL;
    if (!color && has(&e->attrs, SFTP_ATTR_PERMISSIONS) && (e->attrs.permissions & 0111))
        color = "1;32";
    if (!style->has_color)
        color = NULL;
    if (color)
        buf_printf(out, "\033[%sm", color);
    put_text(out, name, style);
    if (color)
        buf_put_str(out, "\033[0m");
}

/* "Mar 25 14:29" within half a year, else "Mar 25  2024"; local time, English. */
static void
put_date(struct buf *out, const struct sftp_attrs *a, time_t now)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t half_year = 15778476; /* 365.2425 / 2 days */
    time_t t = (time_t)a->mtime;
    struct tm tm;
    if (!has(a, SFTP_ATTR_ACMODTIME) || !localtime_r(&t, &tm)) {
        buf_put_str(out, "           ?");
        return;
    }
    buf_printf(out, "%s %2d ", months[tm.tm_mon], tm.tm_mday);
    if (t > now || now - t > half_year)
        buf_printf(out, "%5d", tm.tm_year + 1900);
    else
        buf_printf(out, "%02d:%02d", tm.tm_hour, tm.tm_min);
}

static void
put_owner(struct buf *out, const struct sftp_attrs *a)
{
    if (has(a, SFTP_ATTR_UIDGID))
        buf_printf(out, " %-8" PRIu32 " %-8" PRIu32, a->uid, a->gid);
    else
        buf_printf(out, " %-8s %-8s", "?", "?");
}

static void
put_size(struct buf *out, const struct sftp_attrs *a, bool is_human)
{
    char text[32];
    struct buf size;
    buf_init(&size, sizeof text);
    if (!has(a, SFTP_ATTR_SIZE))
        buf_put_u8(&size, '?');
    else if (is_human)
        size_put_human(&size, a->size);
    else
        buf_printf(&size, "%" PRIu64, a->size);
    snprintf(text, sizeof text, "%.*s", (int)size.n, (const char *)size.p);
    buf_clear(&size);
    buf_printf(out, is_human ? " %5s " : " %10s ", text);
}

static void
put_long(struct buf *out, const struct listing_entry *e,
         const struct listing_style *style)
{
    mode_put(out, &e->attrs);
    put_owner(out, &e->attrs);
    put_size(out, &e->attrs, style->is_human);
    put_date(out, &e->attrs, style->now);
    buf_put_u8(out, ' ');
    put_name(out, e, style);
    buf_put_u8(out, '\n');
}

static size_t
name_columns(const struct listing_entry *e, const struct listing_style *style)
{
    struct buf text;
    buf_init(&text, 65536);
    put_text(&text, bytes_of(e->name, e->name_len), style);
    size_t columns = 0;
    for (size_t i = 0; i < text.n; i++)
        columns += (text.p[i] & 0xc0) != 0x80;
    buf_clear(&text);
    return columns;
}

/* Columns filled downwards, all as wide as the longest name. */
static void
put_columns(struct buf *out, const struct listing *l, const struct listing_style *style)
{
    size_t widest = 0;
    for (size_t i = 0; i < l->n; i++) {
        size_t columns = name_columns(&l->entries[i], style);
        widest = columns > widest ? columns : widest;
    }
    size_t per_line = (size_t)style->width / (widest + 2);
    per_line = per_line == 0 ? 1 : per_line;
    size_t lines = (l->n + per_line - 1) / per_line;
    for (size_t line = 0; line < lines; line++) {
        for (size_t i = line; i < l->n; i += lines) {
            put_name(out, &l->entries[i], style);
            size_t pad =
                i + lines < l->n ? widest + 2 - name_columns(&l->entries[i], style) : 0;
            while (pad-- != 0)
                buf_put_u8(out, ' ');
        }
        buf_put_u8(out, '\n');
    }
}

void
listing_put(struct buf *out, struct listing *l, const struct listing_style *style)
{
    if (l->n == 0)
        return;
    if (!style->is_unsorted)
        qsort_r(l->entries, l->n, sizeof *l->entries, compare, (void *)(uintptr_t)style);
    if (!style->is_long && !style->is_single_column && style->width > 0) {
        put_columns(out, l, style);
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (style->is_long) {
            put_long(out, &l->entries[i], style);
        } else {
            put_name(out, &l->entries[i], style);
            buf_put_u8(out, '\n');
        }
    }
}
