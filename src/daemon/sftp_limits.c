/* See sftp_limits.h. */
#include "daemon/sftp_limits.h"

#include "config/sftp_command.h"
#include "sftp/server.h"

static enum err
take_text(char *to, size_t size, const char *text, struct fault *why)
{
    size_t n = text ? strlen(text) : 0;
    if (n >= size)
        return fault_set(why, ERR_PROTO, 0, "a forced command: a value is too long");
    memcpy(to, text ? text : "", n);
    to[n] = 0;
    return ERR_NONE;
}

static enum err
take_requests(char list[SFTP_LIMITS_LIST_MAX + 1], const char *text, struct fault *why)
{
    struct sftp_request_set set;
    struct bytes unknown;
    if (!sftp_requests_of(bytes_str(text), &set, &unknown))
        return fault_set(why, ERR_PROTO, 0, "a forced command: no request is named %.*s",
                         (int)(unknown.n < 40 ? unknown.n : 40), (const char *)unknown.p);
    return take_text(list, SFTP_LIMITS_LIST_MAX + 1, text, why);
}

/* -m gives new files their mode, -u what no file gets; of both, what is taken away. */
static void
take_modes(const struct sftp_command *c, struct sftp_limits *l)
{
    unsigned mask = c->umask != OPTION_UNSET ? (unsigned)c->umask : 0;
    if (c->file_mode != OPTION_UNSET)
        mask |= 0777U & ~(unsigned)c->file_mode;
    l->has_umask = c->umask != OPTION_UNSET || c->file_mode != OPTION_UNSET;
    l->umask = mask & 0777U;
}

static enum err
take(const struct sftp_command *c, struct sftp_limits *l, struct fault *why)
{
    l->is_read_only = c->is_read_only;
    l->has_allowed = c->allowed != NULL;
    take_modes(c, l);
    enum err err = take_text(l->start, sizeof l->start, c->start_directory, why);
    if (err == ERR_NONE)
        err = take_requests(l->allowed, c->allowed, why);
    return err ? err : take_requests(l->denied, c->denied, why);
}

enum err
sftp_limits_parse(const char *command, struct sftp_limits *l, struct fault *why)
{
    struct sftp_command c = {0};
    struct buf reason;
    *l = (struct sftp_limits){0};
    buf_init(&reason, 1024);
    enum err err = sftp_command_parse(bytes_str(command), &c, &reason);
    if (err == ERR_NONE) {
        err = take(&c, l, why);
    } else {
        const char *text = buf_cstr(&reason);
        fault_set(why, err, 0, "a forced command: %.160s", text ? text : err_name(err));
    }
    sftp_command_clear(&c);
    buf_clear(&reason);
    return err;
}

/* ---- joining ---- */

static bool
has_item(const char *list, struct bytes item)
{
    struct bytes rest = bytes_str(list), other;
    while (bytes_next_item(&rest, &other))
        if (bytes_eq(item, other))
            return true;
    return false;
}

/* Keep of list what `other` has too: never longer than it was. */
static void
intersect(char list[SFTP_LIMITS_LIST_MAX + 1], const char *other)
{
    char both[SFTP_LIMITS_LIST_MAX + 1];
    size_t n = 0;
    struct bytes rest = bytes_str(list), item;
    while (bytes_next_item(&rest, &item)) {
        if (!has_item(other, item))
            continue;
        if (n != 0)
            both[n++] = ',';
        memcpy(both + n, item.p, item.n);
        n += item.n;
    }
    both[n] = 0;
    memcpy(list, both, n + 1);
}

static enum err
join_allowed(struct sftp_limits *a, const struct sftp_limits *b, struct fault *why)
{
    if (!b->has_allowed)
        return ERR_NONE;
    if (a->has_allowed)
        intersect(a->allowed, b->allowed);
    else
        memcpy(a->allowed, b->allowed, sizeof a->allowed);
    a->has_allowed = true;
    if (!a->allowed[0])
        return fault_set(why, ERR_AUTH, 0,
                         "the forced commands together allow no request");
    return ERR_NONE;
}

static enum err
join_denied(struct sftp_limits *a, const struct sftp_limits *b, struct fault *why)
{
    size_t n = strlen(a->denied), m = strlen(b->denied);
    if (m == 0)
        return ERR_NONE;
    if (n + 1 + m > SFTP_LIMITS_LIST_MAX)
        return fault_set(why, ERR_LIMIT, 0, "the forced commands are too long together");
    if (n != 0)
        a->denied[n++] = ',';
    memcpy(a->denied + n, b->denied, m + 1);
    return ERR_NONE;
}

enum err
sftp_limits_join(struct sftp_limits *a, const struct sftp_limits *b, struct fault *why)
{
    a->is_read_only = a->is_read_only || b->is_read_only;
    if (b->has_umask)
        a->umask = a->has_umask ? a->umask | b->umask : b->umask;
    a->has_umask = a->has_umask || b->has_umask;
    if (!a->start[0])
        memcpy(a->start, b->start, sizeof a->start);
    enum err err = join_allowed(a, b, why);
    return err ? err : join_denied(a, b, why);
}
