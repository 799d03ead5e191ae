/* See names.h. */
#include "sftp/names.h"

bool
sftp_name_is_dot(struct bytes name)
{
    return bytes_eq_str(name, ".") || bytes_eq_str(name, "..");
}

bool
sftp_name_is_safe(struct bytes name)
{
    return name.n != 0 && name.n <= SFTP_NAME_MAX && !sftp_name_is_dot(name) &&
           !memchr(name.p, '/', name.n) && !memchr(name.p, '\0', name.n);
}

void
sftp_path_join(struct buf *out, struct bytes dir, struct bytes name)
{
    buf_put(out, dir);
    if (dir.n != 0 && dir.p[dir.n - 1] != '/')
        buf_put_u8(out, '/');
    buf_put(out, name);
}

/* Without the slashes at its end; "/" becomes empty. */
static struct bytes
without_slashes(struct bytes path)
{
    while (path.n != 0 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

struct bytes
sftp_path_base(struct bytes path)
{
    struct bytes p = without_slashes(path);
    const uint8_t *slash = p.n != 0 ? memrchr(p.p, '/', p.n) : NULL;
    return slash ? bytes_skip(p, (size_t)(slash - p.p) + 1) : p;
}

struct bytes
sftp_path_dir(struct bytes path)
{
    struct bytes base = sftp_path_base(path);
    if (base.n == 0)
        return path;
    struct bytes dir = bytes_of(path.p, (size_t)(base.p - path.p));
    struct bytes trimmed = without_slashes(dir);
    return trimmed.n == 0 ? bytes_first(dir, 1) : trimmed;
}

/* The least that an entry takes: two empty strings and the attributes' flags. */
enum { ENTRY_LEAST = 12 };

static bool
read_entry(struct cursor *c, struct sftp_name *name)
{
    name->filename = cursor_string(c);
    name->longname = cursor_string(c);
    name->attrs = cursor_attrs(c);
    return !c->failed;
}

bool
sftp_names_init(struct sftp_names *names, uint32_t count, struct bytes entries)
{
    struct sftp_name name;
    struct cursor c = cursor_of(entries);
    *names = (struct sftp_names){0};
    if (count > cursor_left(&c) / ENTRY_LEAST)
        return false; /* before the loop: the count is the peer's (threats T8) */
    for (uint32_t i = 0; i < count; i++)
        if (!read_entry(&c, &name))
            return false;
    *names = (struct sftp_names){count, cursor_of(entries)};
    return true;
}

bool
sftp_names_next(struct sftp_names *names, struct sftp_name *name)
{
    if (names->count == 0)
        return false;
    names->count--;
    return read_entry(&names->at, name);
}
