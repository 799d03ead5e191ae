/* See system_keys.h. */
#include "steward/system_keys.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/files.h"
#include "daemon/tokens.h"
#include "key/authorized_keys.h"
#include "key/text_line.h"
#include "steward/keys_command.h"

enum err
system_keys_begin(struct system_keys *k, const struct steward_key *q,
                  const struct log_sink *log, struct fault *why)
{
    *k = (struct system_keys){.q = q, .log = log};
    if (!system_account_find(q->who.user, &k->user))
        return fault_set(why, ERR_AUTH, 0, "no such account");
    snprintf(k->uid, sizeof k->uid, "%u", (unsigned)k->user.uid);
    return ERR_NONE;
}

enum err
system_keys_become(const struct system_keys *k, struct fault *why)
{
    if (geteuid() != 0)
        return ERR_NONE; /* system_account_find saw that it is ours */
    return identity_take(&k->user, why);
}

void
system_keys_command(const struct system_keys *k, struct buf *text)
{
    const char *command = k->q->rules.keys_command;
    struct fault why = {0};
    if (!command[0] || strcmp(command, "none") == 0)
        return;
    if (keys_command_run(k, text, &why) == ERR_NONE)
        return;
    log_line(k->log, LOG_LEVEL_ERROR, "AuthorizedKeysCommand: %s", why.text);
    buf_reset(text);
}

/* ---- files ---- */

/* %h, %u, %U, %% replaced; what is relative then begins in the home directory. */
static enum err
expand(const char *template, const struct identity *user, struct buf *path,
       struct fault *why)
{
    char uid[16];
    struct buf name;
    snprintf(uid, sizeof uid, "%u", (unsigned)user->uid);
    const struct token tokens[] = {
        {'h', user->home},
        {'u', user->name},
        {'U', uid},
    };
    buf_init(&name, PATH_MAX - 1);
    enum err err = tokens_expand(template, tokens, ARRAY_LEN(tokens), &name, why);
    if (err == ERR_NONE && (name.n == 0 || name.p[0] != '/')) {
        buf_put_str(path, user->home);
        buf_put_str(path, "/");
    }
    if (err == ERR_NONE)
        buf_put(path, buf_bytes(&name));
    buf_clear(&name);
    if (err == ERR_NONE && !buf_cstr(path))
        err = fault_set(why, ERR_LIMIT, 0, "%.120s: the name is too long", template);
    return err;
}

/* A file that is not there is nothing to tell of: most accounts have one of several. */
static enum err
read_file(const char *path, const struct log_sink *log, struct buf *text)
{
    struct fault why = {0};
    enum err err = file_read(path, FILE_TRUSTED, text, &why);
    if (err != ERR_NONE && why.sys_errno != ENOENT)
        log_line(log, LOG_LEVEL_INFO, "Authentication refused: %s", why.text);
    return err;
}

enum err
system_keys_read(const struct steward_key *q, const char *template,
                 const struct log_sink *log, struct buf *text)
{
    struct fault why = {0};
    struct buf path;
    struct identity user = {.home = "/", .uid = geteuid()};
    memcpy(user.name, q->who.user, sizeof user.name);
    bool is_known =
        q->who.kind != STEWARD_SYSTEM || system_account_find(q->who.user, &user);
    buf_init(&path, PATH_MAX);
    enum err err = is_known ? expand(template, &user, &path, &why) : ERR_AUTH;
    if (err == ERR_NONE)
        err = read_file((const char *)path.p, log, text);
    else
        log_line(log, LOG_LEVEL_ERROR, "%s", why.text[0] ? why.text : "no such account");
    buf_clear(&path);
    return err;
}

static bool
visit_file(const struct system_keys *k, const char *template,
           bool (*visit)(void *ctx, struct bytes text, const char *path), void *ctx)
{
    struct fault why = {0};
    struct buf path, text;
    bool is_found = false;
    buf_init(&path, PATH_MAX);
    buf_init(&text, AUTHORIZED_KEYS_MAX);
    if (expand(template, &k->user, &path, &why) != ERR_NONE)
        log_line(k->log, LOG_LEVEL_ERROR, "AuthorizedKeysFile: %s", why.text);
    else if (read_file((const char *)path.p, k->log, &text) == ERR_NONE)
        is_found = visit(ctx, buf_bytes(&text), (const char *)path.p);
    buf_clear(&path);
    buf_clear(&text);
    return is_found;
}

bool
system_keys_files(const struct system_keys *k,
                  bool (*visit)(void *ctx, struct bytes text, const char *path),
                  void *ctx)
{
    struct bytes rest = bytes_str(k->q->rules.keys_files), line;
    char template[PATH_MAX];
    while (text_next_line(&rest, &line)) {
        if (line.n == 0 || line.n >= sizeof template || bytes_eq_str(line, "none"))
            continue;
        memcpy(template, line.p, line.n);
        template[line.n] = 0;
        if (visit_file(k, template, visit, ctx))
            return true;
    }
    return false;
}
