/*
 * See longname.h. Written by hand rather than with printf and strftime: this
 * runs once for each name of a listing, and must not know locales.
 */
#include "sftp/longname.h"

#include <sys/stat.h>

enum { HALF_YEAR = 365 * 24 * 60 * 60 / 2 }; /* seconds */

/* A line in the making; sized so that no field can overrun it. */
struct line {
    size_t n;
    char text[LONGNAME_MAX];
};

static void
put_text(struct line *l, const char *s, size_t n, size_t width)
{
    memcpy(l->text + l->n, s, n);
    l->n += n;
    for (; n < width; n++)
        l->text[l->n++] = ' ';
}

/* Right-aligned, padded on the left. */
static void
put_number(struct line *l, uint64_t x, size_t width, char pad)
{
    char digits[20];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + x % 10);
    while ((x /= 10) != 0);
    for (size_t i = n; i < width; i++)
        l->text[l->n++] = pad;
    while (n != 0)
        l->text[l->n++] = digits[--n];
}

static char
type_letter(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return '-';
    case S_IFDIR:
        return 'd';
    case S_IFLNK:
        return 'l';
    case S_IFCHR:
        return 'c';
    case S_IFBLK:
        return 'b';
    case S_IFIFO:
        return 'p';
    case S_IFSOCK:
        return 's';
    default:
        return '?';
    }
}

/* Three letters of one class; special: its set-id or sticky bit, and the letter
 * that shows it in the place of x. */
static void
put_class(struct line *l, uint32_t rwx, bool special, char letter)
{
    bool x = (rwx & 1) != 0;
    l->text[l->n++] = (rwx & 4) ? 'r' : '-';
    l->text[l->n++] = (rwx & 2) ? 'w' : '-';
    if (special)
        l->text[l->n++] = x ? letter : (char)(letter - 'a' + 'A');
    else
        l->text[l->n++] = x ? 'x' : '-';
}

static void
put_mode(struct line *l, uint32_t mode)
{
    l->text[l->n++] = type_letter(mode);
    put_class(l, mode >> 6 & 7, (mode & S_ISUID) != 0, 's');
    put_class(l, mode >> 3 & 7, (mode & S_ISGID) != 0, 's');
    put_class(l, mode & 7, (mode & S_ISVTX) != 0, 't');
    l->text[l->n++] = ' '; /* strmode(3) leaves room for a mark of ACLs */
}

static void
put_date(struct line *l, const struct sftp_host *host, int64_t mtime, int64_t now)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t;
    if (!host->local_time(host->ctx, mtime, &t))
        return;
    put_text(l, months + 3 * (t.tm_mon % 12), 3, 4);
    put_number(l, (unsigned)t.tm_mday % 100, 2, ' ');
    put_text(l, " ", 1, 1);
    if (now - HALF_YEAR < mtime && mtime <= now) {
        put_number(l, (unsigned)t.tm_hour % 100, 2, '0');
        put_text(l, ":", 1, 1);
        put_number(l, (unsigned)t.tm_min % 100, 2, '0');
    } else {
        put_text(l, " ", 1, 1);
        put_number(l, (unsigned)(t.tm_year + 1900) % 1000000, 1, ' ');
    }
}

void
longname_put(struct buf *b, const struct vfs_entry *entry, struct owners *owners,
             int64_t now)
{
    struct line l = {.n = 0};
    const struct vfs_stat *st = &entry->stat;
    const struct owner *user = owners_user(owners, st->uid);
    const struct owner *group = owners_group(owners, st->gid);
    struct bytes name = bytes_first(entry->name, VFS_COMPONENT_MAX);

    put_mode(&l, st->mode);
    put_text(&l, " ", 1, 1);
    put_number(&l, st->nlink, 3, ' ');
    put_text(&l, " ", 1, 1);
    put_text(&l, user->name, user->name_len, 8);
    put_text(&l, " ", 1, 1);
    put_text(&l, group->name, group->name_len, 8);
    put_text(&l, " ", 1, 1);
    put_number(&l, st->size, 8, ' ');
    put_text(&l, " ", 1, 1);
    put_date(&l, owners->host, st->mtime, now);
    put_text(&l, " ", 1, 1);
    put_text(&l, (const char *)name.p, name.n, 0);
    buf_put(b, bytes_of(l.text, l.n));
}
