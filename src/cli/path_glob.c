/* See path_glob.h. */
#include "cli/path_glob.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sftp/names.h"

enum { PATH_OCTETS_MAX = 65536 };

/* ---- one component ---- */

/* Where the set that begins with the "[" at p[at] ends: at its "]". p.n: nowhere, so
 * that the "[" is an ordinary octet. */
static size_t
set_end(struct bytes p, size_t at)
{
    at++;
    if (at < p.n && (p.p[at] == '!' || p.p[at] == '^'))
        at++;
    if (at < p.n && p.p[at] == ']')
        at++;
    while (at < p.n && p.p[at] != ']')
        at += p.p[at] == '\\' && at + 1 < p.n ? 2 : 1;
    return at < p.n ? at : p.n;
}

/* Is c in the set whose octets are p[at..end)? */
static bool
set_has(struct bytes p, size_t at, size_t end, uint8_t c)
{
    bool is_negated = at < end && (p.p[at] == '!' || p.p[at] == '^'), is_in = false;
    at += is_negated;
    while (at < end) {
        at += p.p[at] == '\\' && at + 1 < end;
        uint8_t low = p.p[at], high = low;
        if (at + 2 < end && p.p[at + 1] == '-') {
            high = p.p[at + 2];
            at += 2;
        }
        is_in = is_in || (c >= low && c <= high);
        at++;
    }
    return is_in != is_negated;
}

/* Match c with the element at p[*at], no star; step over the element. */
static bool
element_matches(struct bytes p, size_t *at, uint8_t c)
{
    uint8_t first = p.p[*at];
    if (first == '[') {
        size_t end = set_end(p, *at);
        if (end < p.n) {
            bool is_in = set_has(p, *at + 1, end, c);
            *at = end + 1;
            return is_in;
        }
    }
    bool is_escaped = first == '\\' && *at + 1 < p.n;
    uint8_t wanted = is_escaped ? p.p[*at + 1] : first;
    *at += is_escaped ? 2 : 1;
    return (first == '?' && !is_escaped) || wanted == c;
}

/* As in base/pattern.c: on a mismatch only the last star takes one octet more. */
bool
glob_match(struct bytes pattern, struct bytes name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_name = 0;
    if (name.n != 0 && name.p[0] == '.' && !(pattern.n != 0 && pattern.p[0] == '.'))
        return false;
    while (n < name.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            star_name = n;
            continue;
        }
        if (p < pattern.n && element_matches(pattern, &p, name.p[n])) {
            n++;
            continue;
        }
        if (star == SIZE_MAX)
            return false;
        p = star;
        n = ++star_name;
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool
glob_is_pattern(struct bytes pattern)
{
    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] == '\\')
            i++;
        else if (pattern.p[i] == '*' || pattern.p[i] == '?')
            return true;
        else if (pattern.p[i] == '[' && set_end(pattern, i) < pattern.n)
            return true;
    }
    return false;
}

void
glob_put_literal(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (memchr("*?[\\", text.p[i], 4))
            buf_put_u8(out, '\\');
        buf_put_u8(out, text.p[i]);
    }
}

static void
put_text(struct buf *out, struct bytes pattern)
{
    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] == '\\' && i + 1 < pattern.n)
            i++;
        buf_put_u8(out, pattern.p[i]);
    }
}

/* ---- paths ---- */

struct walk {
    const struct glob_source *source;
    struct listing *found;
};

static enum err descend(const struct walk *w, struct buf *path, struct bytes rest);

static enum err
take_found(const struct walk *w, const struct buf *path, const struct sftp_attrs *attrs)
{
    if (w->found->n == GLOB_FOUND_MAX)
        return ERR_LIMIT;
    return listing_add(w->found, buf_bytes(path), attrs);
}

/* A name that matched: the end of the pattern, or a directory on the way. */
static enum err
take_match(const struct walk *w, struct buf *path, const struct listing_entry *e,
           struct bytes rest)
{
    uint32_t type = e->attrs.permissions & S_IFMT;
    bool is_known = (e->attrs.flags & SFTP_ATTR_PERMISSIONS) && type != 0;
    buf_put(path, bytes_of(e->name, e->name_len));
    if (rest.n == 0)
        return take_found(w, path, &e->attrs);
    if (is_known && type != S_IFDIR && type != S_IFLNK)
        return ERR_NONE;
    return descend(w, path, rest);
}

static int
by_name(const void *left, const void *right)
{
    const struct listing_entry *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static enum err
match_in(const struct walk *w, struct buf *path, struct bytes component,
         struct bytes rest)
{
    struct listing names = {0};
    const char *dir = buf_cstr(path);
    size_t n = path->n;
    enum err e = dir ? ERR_NONE : ERR_NOMEM;
    if (dir && !w->source->list(w->source->ctx, dir, &names)) {
        listing_clear(&names);
        return ERR_NONE;
    }
    if (names.n != 0)
        qsort(names.entries, names.n, sizeof *names.entries, by_name);
    for (size_t i = 0; i < names.n && e == ERR_NONE; i++) {
        struct bytes name = bytes_of(names.entries[i].name, names.entries[i].name_len);
        if (sftp_name_is_safe(name) && glob_match(component, name))
            e = take_match(w, path, &names.entries[i], rest);
        buf_truncate(path, n);
    }
    listing_clear(&names);
    return e;
}

/* path: a text that ends in "/" or is empty; rest: the pattern behind it. Components
 * without wildcards are appended without a look until the last. */
static enum err
descend(const struct walk *w, struct buf *path, struct bytes rest)
{
    struct sftp_attrs attrs;
    while (rest.n != 0) {
        const uint8_t *slash = memchr(rest.p, '/', rest.n);
        struct bytes component =
            bytes_first(rest, slash ? (size_t)(slash - rest.p) : rest.n);
        rest = bytes_skip(rest, component.n);
        if (glob_is_pattern(component))
            return match_in(w, path, component, rest);
        put_text(path, component);
        for (; rest.n != 0 && rest.p[0] == '/'; rest = bytes_skip(rest, 1))
            buf_put_u8(path, '/');
    }
    const char *text = buf_cstr(path);
    if (!text)
        return ERR_NOMEM;
    if (!w->source->look(w->source->ctx, text, &attrs))
        return ERR_NONE;
    return take_found(w, path, &attrs);
}

enum err
glob_expand(const struct glob_source *source, const char *pattern, struct listing *found)
{
    const struct walk w = {source, found};
    struct buf path;
    buf_init(&path, PATH_OCTETS_MAX);
    enum err e = descend(&w, &path, bytes_str(pattern));
    buf_clear(&path);
    return e;
}

/* ---- the local side ---- */

static void
attrs_of(struct sftp_attrs *attrs, const struct stat *st)
{
    *attrs = (struct sftp_attrs){.flags = SFTP_ATTR_PERMISSIONS | SFTP_ATTR_SIZE,
                                 .permissions = st->st_mode,
                                 .size = (uint64_t)st->st_size};
}

static bool
local_look(void *ctx, const char *path, struct sftp_attrs *attrs)
{
    struct stat st;
    (void)ctx;
    if (lstat(path, &st) != 0)
        return false;
    attrs_of(attrs, &st);
    return true;
}

static bool
local_list(void *ctx, const char *dir, struct listing *names)
{
    static const uint32_t kinds[] = {
        [DT_DIR] = S_IFDIR, [DT_LNK] = S_IFLNK, [DT_REG] = S_IFREG};
    (void)ctx;
    DIR *d = opendir(*dir ? dir : ".");
    if (!d)
        return false;
    bool is_ok = true;
    const struct dirent *entry;
    while (is_ok && (entry = readdir(d)) != NULL) {
        struct sftp_attrs attrs = {.flags = SFTP_ATTR_PERMISSIONS};
        if (entry->d_type < ARRAY_LEN(kinds))
            attrs.permissions = kinds[entry->d_type];
        is_ok = listing_add(names, bytes_str(entry->d_name), &attrs) == ERR_NONE;
    }
    closedir(d);
    return is_ok;
}

const struct glob_source glob_local = {local_list, local_look, NULL};
