/* `ferryd user import`: all of a list or nothing of it, unless bad lines may be skipped.
 */
#include <stdlib.h>

#include "account/import.h"
#include "account/password.h"
#include "account/user_part.h"
#include "base/json.h"

struct importing {
    struct user_call *call;
    struct import walk;
    struct import_row row;
    struct account_record record;
    bool has_group_root; /* the group that all are put in has a root directory */
    unsigned n_added, n_bad;
};

/* ---- what is said about a line ---- */

static void
report(struct importing *im, const char *problem)
{
    struct buf line;
    bool is_dry = im->call->is_dry_run;
    const char *name = im->row.name[0] ? im->row.name : "?";
    buf_init(&line, 4096);
    if (im->call->is_json) {
        json_begin(&line, problem ? "import_bad" : "imported");
        json_number(&line, "line", im->row.line);
        json_text(&line, "name", bytes_str(im->row.name));
        if (problem)
            json_text(&line, "problem", bytes_str(problem));
        json_end(&line);
    } else {
        buf_printf(&line, "line %u: %s: %s\n", im->row.line, name,
                   problem  ? problem
                   : is_dry ? "would be added"
                            : "added");
    }
    fwrite(line.p, 1, line.n, stdout);
    buf_clear(&line);
}

/* ---- one line ---- */

/* In those lists the directories can be written and what lies above can be read. */
static enum err
set_dirs(struct importing *im, struct fault *why)
{
    struct buf rights;
    struct bytes rest = bytes_str(im->row.dirs), dir;
    if (!rest.n || (im->call->members & MEMBER_BIT(MEMBER_ID_RIGHTS)))
        return ERR_NONE;
    buf_init(&rights, ACCOUNT_RIGHTS_MAX);
    buf_put_str(&rights, "/ read");
    while (bytes_next_item(&rest, &dir))
        buf_printf(&rights, "\n/%.*s all", (int)dir.n, (const char *)dir.p);
    const char *text = buf_cstr(&rights);
    enum err err = text ? account_member_set(&account_members[MEMBER_ID_RIGHTS],
                                             &im->record, text, why)
                        : fault_set(why, ERR_PROTO, 0, "too many directories");
    buf_clear(&rights);
    return err;
}

/* What the command line gave holds for everybody; what a line gives, for that one. */
static enum err
make_record(struct importing *im, struct fault *why)
{
    const struct import_row *row = &im->row;
    struct account_record *r = &im->record;
    *r = im->call->record;
    snprintf(r->name, sizeof r->name, "%s", row->name);
    r->is_disabled = row->is_disabled;
    if (row->uid != ACCOUNT_UNSET)
        r->uid = row->uid;
    if (row->gid != ACCOUNT_UNSET)
        r->gid = row->gid;
    if (row->expires != ACCOUNT_UNSET)
        r->expires = row->expires;
    if (row->home[0] && !r->root[0]) {
        enum err err =
            account_member_set(&account_members[MEMBER_ID_ROOT], r, row->home, why);
        if (err)
            return err;
    }
    return set_dirs(im, why);
}

/* A dry run hashes nothing: it takes a tenth of a second each. */
static enum err
store_secret(struct importing *im, struct fault *why)
{
    struct user_call *call = im->call;
    if (im->row.hash[0])
        return store_password_set(call->store, im->record.id, im->row.hash, call->now,
                                  why);
    if (im->row.password.n == 0 || call->is_dry_run)
        return ERR_NONE;
    return user_store_password(call, &im->record, secret_bytes(&im->row.password), why);
}

/* Checked before anything of the line is written, so that skipping it leaves nothing. */
static enum err
check_row(struct importing *im, struct fault *why)
{
    struct bytes password = secret_bytes(&im->row.password);
    if (password.n != 0 && memchr(password.p, 0, password.n))
        return fault_set(why, ERR_PROTO, 0, "the password holds a NUL");
    enum err err = make_record(im, why);
    if (err == ERR_NONE && !im->record.root[0] && !im->has_group_root)
        err = fault_set(why, ERR_PROTO, 0,
                        "no root directory: use --root DIR, as in --root /srv/sftp/%%u");
    return err;
}

static enum err
import_row(struct importing *im, struct fault *why)
{
    struct user_call *call = im->call;
    enum err err = check_row(im, why);
    if (err == ERR_NONE)
        err = store_add(call->store, &im->record, call->now, why);
    return err ? err : store_secret(im, why);
}

/* ---- the whole ---- */

/* A line's own fault is reported and counted; the disk's or the database's ends all. */
static enum err
import_rows(struct importing *im, struct fault *why)
{
    struct fault detail = {0};
    enum import_step step;
    while ((step = import_next(&im->walk, &im->row, &detail)) != IMPORT_END) {
        enum err err = step == IMPORT_BAD ? ERR_PROTO : import_row(im, &detail);
        if (err == ERR_IO || err == ERR_NOMEM)
            return fault_set(why, err, 0, "line %u: %.200s", im->row.line, detail.text);
        im->n_added += err == ERR_NONE;
        im->n_bad += err != ERR_NONE;
        report(im, err ? detail.text : NULL);
    }
    return ERR_NONE;
}

/* Once the accounts are there for good: of those that were added just now. */
static enum err
make_roots(struct importing *im, struct import walk, struct fault *why)
{
    struct user_call *call = im->call;
    struct account_record *r = &im->record;
    struct fault detail = {0};
    enum err err = ERR_NONE;
    enum import_step step;
    bool is_made;
    while (err == ERR_NONE &&
           (step = import_next(&walk, &im->row, &detail)) != IMPORT_END) {
        if (step == IMPORT_BAD)
            continue;
        err = store_effective(call->store, bytes_str(im->row.name), r, why);
        if (err == ERR_NONE && r->created == call->now && r->root[0])
            err = user_make_root(call, r, im->row.dirs, &is_made, why);
    }
    return err;
}

static enum err
finish(struct importing *im, enum err err, struct fault *why)
{
    bool is_refused = im->n_bad != 0 && !im->call->skips_bad;
    if (err == ERR_NONE && !is_refused && !im->call->is_dry_run)
        return store_commit(im->call->store, why);
    store_rollback(im->call->store);
    if (err == ERR_NONE && is_refused)
        err = fault_set(why, ERR_PROTO, 0,
                        "nothing was imported: %u bad lines (--skip-bad imports the "
                        "others)",
                        im->n_bad);
    return err;
}

static enum err
import_all(struct importing *im, struct fault *why)
{
    struct import walk = im->walk;
    enum err err = store_begin(im->call->store, why);
    if (err)
        return err;
    err = finish(im, import_rows(im, why), why);
    if (err == ERR_NONE && im->call->creates_root && !im->call->is_dry_run)
        err = make_roots(im, walk, why);
    mem_wipe(&im->row, sizeof im->row);
    if (err == ERR_NONE && !im->call->is_json)
        printf("%u %s%s\n", im->n_added, im->n_added == 1 ? "account" : "accounts",
               im->call->is_dry_run ? " would be imported" : " imported");
    return err;
}

static enum err
look_at_group(struct importing *im, struct fault *why)
{
    const char *group = im->call->record.group;
    if (!group[0])
        return ERR_NONE;
    enum err err =
        store_get(im->call->store, STORE_GROUP, bytes_str(group), &im->record, why);
    im->has_group_root = err == ERR_NONE && im->record.root[0];
    return err;
}

static enum err
start(struct importing *im, struct buf *list, struct buf *shadow, struct fault *why)
{
    const struct user_call *call = im->call;
    bool is_passwd = call->passwd_file != NULL;
    if (is_passwd == (call->operands.n == 1))
        return fault_set(why, ERR_PROTO, 0, "one of FILE and --passwd FILE is needed");
    if (call->shadow_file && !is_passwd)
        return fault_set(why, ERR_PROTO, 0, "--shadow goes with --passwd");
    enum err err =
        user_read_file(is_passwd ? call->passwd_file : call->operands.text[0], list, why);
    if (err == ERR_NONE && call->shadow_file)
        err = user_read_file(call->shadow_file, shadow, why);
    if (is_passwd)
        import_passwd_start(&im->walk, buf_bytes(list), buf_bytes(shadow), call->min_uid);
    else
        import_list_start(&im->walk, buf_bytes(list));
    return err;
}

enum err
user_import(struct user_call *call, struct fault *why)
{
    struct buf list, shadow;
    struct importing *im = calloc(1, sizeof *im);
    if (!im)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    im->call = call;
    buf_init(&list, IMPORT_TEXT_MAX);
    buf_init(&shadow, IMPORT_TEXT_MAX);
    enum err err = start(im, &list, &shadow, why);
    if (err == ERR_NONE)
        err = look_at_group(im, why);
    if (err == ERR_NONE)
        err = import_all(im, why);
    buf_clear(&shadow);
    buf_clear(&list);
    free(im);
    return err;
}
