/* See import.h. */
#include "account/import.h"

#include <stdio.h>

#include "account/name.h"
#include "account/password.h"
#include "key/text_line.h"

enum { FIELDS_MAX = 9 };

/* Uid of nobody, whom Debian puts at the end of passwd. */
enum { NOBODY = 65534 };

struct fields {
    struct bytes at[FIELDS_MAX];
    size_t n;
};

/* Between colons, the last field up to the end. False: too many. */
static bool
split(struct bytes line, struct fields *f)
{
    f->n = 0;
    for (;;) {
        if (f->n == FIELDS_MAX)
            return false;
        const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
        size_t n = colon ? (size_t)(colon - line.p) : line.n;
        f->at[f->n++] = bytes_first(line, n);
        if (!colon)
            return true;
        line = bytes_skip(line, n + 1);
    }
}

static struct bytes
field(const struct fields *f, size_t i)
{
    return i < f->n ? f->at[i] : (struct bytes){0};
}

/* Up to 10 digits: fits, and is checked against the member's range later. */
static bool
parse_number(struct bytes text, int64_t *x)
{
    *x = 0;
    if (text.n == 0 || text.n > 10)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *x = *x * 10 + (text.p[i] - '0');
    }
    return true;
}

/* Copy with a terminating 0. False: no room, or an octet no text of ours may have. */
static bool
copy_text(struct bytes from, char *to, size_t room)
{
    if (from.n >= room)
        return false;
    for (size_t i = 0; i < from.n; i++)
        if (from.p[i] < 0x20 || from.p[i] == 0x7f)
            return false;
    if (from.n != 0)
        memcpy(to, from.p, from.n);
    to[from.n] = 0;
    return true;
}

static enum err
take_name(struct bytes name, struct import_row *row, struct fault *why)
{
    if (!user_name_is_valid(name))
        return fault_set(why, ERR_PROTO, 0, "not a name that an account can have");
    memcpy(row->name, name.p, name.n);
    row->name[name.n] = 0;
    return ERR_NONE;
}

static enum err
take_hash(struct bytes hash, struct import_row *row, struct fault *why)
{
    if (!copy_text(hash, row->hash, sizeof row->hash)) {
        row->hash[0] = 0;
        return fault_set(why, ERR_PROTO, 0, "the password's hash is not one");
    }
    return password_hash_is_usable(row->hash, why) ? ERR_NONE : ERR_PROTO;
}

/* ---- user:pass[:e][:uid[:gid[:dirs]]] ---- */

/* Names below the root and nothing else: no ".", no "..", not absolute. */
static bool
is_dir_list(struct bytes dirs)
{
    struct bytes dir;
    while (bytes_next_item(&dirs, &dir)) {
        if (dir.n == 0 || dir.p[0] == '/' || dir.p[dir.n - 1] == '/')
            return false;
        for (struct bytes rest = dir; rest.n != 0;) {
            const uint8_t *slash = memchr(rest.p, '/', rest.n);
            size_t n = slash ? (size_t)(slash - rest.p) : rest.n;
            struct bytes part = bytes_first(rest, n);
            if (n == 0 || bytes_eq_str(part, ".") || bytes_eq_str(part, ".."))
                return false;
            rest = bytes_skip(rest, n + 1);
        }
    }
    return true;
}

static enum err
take_ids(const struct fields *f, size_t first, struct import_row *row, struct fault *why)
{
    if (field(f, first).n != 0 && !parse_number(field(f, first), &row->uid))
        return fault_set(why, ERR_PROTO, 0, "the user id is no number");
    if (field(f, first + 1).n != 0 && !parse_number(field(f, first + 1), &row->gid))
        return fault_set(why, ERR_PROTO, 0, "the group id is no number");
    return ERR_NONE;
}

static enum err
take_dirs(struct bytes dirs, struct import_row *row, struct fault *why)
{
    if (copy_text(dirs, row->dirs, sizeof row->dirs) && is_dir_list(dirs))
        return ERR_NONE;
    row->dirs[0] = 0;
    return fault_set(
        why, ERR_PROTO, 0,
        "the directories: relative names with commas between, without \"..\"");
}

static enum err
take_list_line(struct bytes line, struct import_row *row, struct fault *why)
{
    struct fields f;
    if (!split(line, &f) || f.n < 2)
        return fault_set(why, ERR_PROTO, 0,
                         "not user:password[:e][:uid[:gid[:directories]]]");
    bool is_hashed = bytes_eq_str(field(&f, 2), "e");
    size_t first = is_hashed ? 3 : 2;
    enum err err = take_name(field(&f, 0), row, why);
    if (err == ERR_NONE && f.n > first + 3)
        err = fault_set(why, ERR_PROTO, 0, "too many fields");
    if (err == ERR_NONE && is_hashed)
        err = take_hash(field(&f, 1), row, why);
    else if (err == ERR_NONE && secret_set(&row->password, field(&f, 1)) != ERR_NONE)
        err = fault_set(why, ERR_PROTO, 0, "the password is longer than %d octets",
                        PASSWORD_MAX);
    if (err == ERR_NONE)
        err = take_ids(&f, first, row, why);
    return err ? err : take_dirs(field(&f, first + 2), row, why);
}

/* ---- passwd and shadow ---- */

/* The line of this user; false: there is none. */
static bool
find_shadow(struct bytes shadow, struct bytes name, struct fields *f)
{
    struct bytes line;
    while (text_next_line(&shadow, &line))
        if (line.n <= IMPORT_LINE_MAX && split(line, f) && bytes_eq(f->at[0], name))
            return true;
    return false;
}

/*
 * crypt(5) and shadow(5): "" needs no password, which we never grant; "*" and "!"
 * alone can't be met; "!" in front of a hash locks it.
 */
static enum err
take_password_field(struct bytes text, struct import_row *row, struct fault *why)
{
    if (text.n != 0 && text.p[0] == '!') {
        while (text.n != 0 && text.p[0] == '!')
            text = bytes_skip(text, 1);
        row->is_disabled = text.n != 0 && text.p[0] == '$';
    }
    if (text.n == 0 || text.p[0] == '*' || bytes_eq_str(text, "x"))
        return ERR_NONE;
    return take_hash(text, row, why);
}

static enum err
take_shadow(const struct fields *shadow, struct import_row *row, struct fault *why)
{
    enum { PASSWORD = 1, EXPIRES = 7, DAY = 86400 };
    int64_t days;
    if (field(shadow, EXPIRES).n != 0) {
        if (!parse_number(field(shadow, EXPIRES), &days) ||
            days > 2932896) /* 9999-12-31 */
            return fault_set(why, ERR_PROTO, 0, "shadow: the day of expiry is no number");
        row->expires = days * DAY; /* "expires on" that day: not valid from its start */
    }
    return take_password_field(field(shadow, PASSWORD), row, why);
}

static enum err
take_passwd_fields(struct import *it, const struct fields *f, struct import_row *row,
                   struct fault *why)
{
    enum { NAME, PASSWORD, UID, GID, COMMENT, HOME };
    struct fields shadow;
    enum err err = take_name(f->at[NAME], row, why);
    if (err == ERR_NONE)
        err = take_ids(f, UID, row, why);
    if (err == ERR_NONE && !copy_text(f->at[HOME], row->home, sizeof row->home))
        err = fault_set(why, ERR_PROTO, 0, "the home directory is not a name");
    if (err)
        return err;
    if (find_shadow(it->shadow, f->at[NAME], &shadow))
        return take_shadow(&shadow, row, why);
    return take_password_field(f->at[PASSWORD], row, why);
}

/* True: the line is about one of the system's own users, who are passed over. */
static bool
is_system_user(const struct import *it, const struct fields *f)
{
    int64_t uid;
    return f->n == 7 && parse_number(f->at[2], &uid) &&
           (uid < it->min_uid || uid == NOBODY);
}

static enum import_step
take_passwd_line(struct import *it, struct bytes line, struct import_row *row,
                 struct fault *why)
{
    struct fields f;
    if (!split(line, &f) || f.n != 7) {
        fault_set(why, ERR_PROTO, 0, "not a line of passwd: seven fields");
        return IMPORT_BAD;
    }
    if (is_system_user(it, &f))
        return IMPORT_END;
    return take_passwd_fields(it, &f, row, why) == ERR_NONE ? IMPORT_ROW : IMPORT_BAD;
}

/* ---- the walk ---- */

void
import_list_start(struct import *it, struct bytes text)
{
    *it = (struct import){.rest = text};
}

void
import_passwd_start(struct import *it, struct bytes passwd, struct bytes shadow,
                    int64_t min_uid)
{
    *it = (struct import){
        .is_passwd = true, .rest = passwd, .shadow = shadow, .min_uid = min_uid};
}

static void
reset_row(struct import_row *row, unsigned line)
{
    mem_wipe(row, sizeof *row);
    row->line = line;
    row->uid = row->gid = row->expires = ACCOUNT_UNSET;
}

enum import_step
import_next(struct import *it, struct import_row *row, struct fault *why)
{
    struct bytes line;
    while (text_next_line(&it->rest, &line)) {
        it->line++;
        reset_row(row, it->line);
        *why = (struct fault){0};
        if (line.n > IMPORT_LINE_MAX) {
            fault_set(why, ERR_PROTO, 0, "longer than %d octets", IMPORT_LINE_MAX);
            return IMPORT_BAD;
        }
        if (text_is_comment(text_trim(line)))
            continue;
        if (!it->is_passwd)
            return take_list_line(line, row, why) == ERR_NONE ? IMPORT_ROW : IMPORT_BAD;
        enum import_step step = take_passwd_line(it, line, row, why);
        if (step != IMPORT_END)
            return step;
    }
    return IMPORT_END;
}
