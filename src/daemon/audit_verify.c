/* See audit_verify.h. */
#include "daemon/audit_verify.h"

#include <errno.h>
#include <unistd.h>

#include "base/json.h"

enum { CHUNK = 64 * 1024 };

/* Hand out the whole lines in text. False: the visitor has enough. */
static bool
visit_lines(struct buf *text, bool (*visit)(void *ctx, struct bytes line), void *ctx)
{
    struct bytes rest = buf_bytes(text);
    const uint8_t *end;
    bool wants_more = true;
    while (wants_more && rest.n != 0 && (end = memchr(rest.p, '\n', rest.n)) != NULL) {
        struct bytes line = bytes_first(rest, (size_t)(end - rest.p));
        rest = bytes_skip(rest, line.n + 1);
        wants_more = visit(ctx, line);
    }
    buf_drop(text, text->n - rest.n);
    return wants_more;
}

enum err
audit_each_line(int fd, bool (*visit)(void *ctx, struct bytes line), void *ctx,
                size_t *rest)
{
    static uint8_t chunk[CHUNK];
    struct buf text;
    ssize_t n;
    bool wants_more = true;
    buf_init(&text, AUDIT_LINE_MAX + CHUNK);
    while (wants_more && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        buf_put(&text, bytes_of(chunk, (size_t)n));
        if (buf_err(&text) != ERR_NONE)
            break;
        wants_more = visit_lines(&text, visit, ctx);
    }
    enum err err = wants_more && n < 0 ? ERR_IO : buf_err(&text);
    *rest = text.n;
    buf_clear(&text);
    return err;
}

/* One file's walk. */
struct walk {
    struct audit_verifier *v;
    const char *name;
    uint64_t line;
    struct fault *why;
    enum err err;
};

static bool
broken(struct walk *w, uint64_t line, const char *sentence)
{
    w->err = fault_set(w->why, ERR_CRYPTO, 0, "%.120s:%llu: %s", w->name,
                       (unsigned long long)line, sentence);
    return false;
}

/* Does line excuse the one before it, which was torn? */
static bool
is_excuse(const struct audit_verifier *v, struct bytes line)
{
    struct buf type;
    uint64_t torn = 0;
    buf_init(&type, 64);
    bool is_one = json_get_text(line, "t", &type) &&
                  bytes_eq_str(buf_bytes(&type), "recovered") &&
                  json_get_number(line, "torn", &torn) &&
                  (torn == v->torn_len || torn == v->torn_len + 1);
    buf_clear(&type);
    return is_one;
}

static bool
is_next(const struct audit_verifier *v, const struct audit_tail *prev)
{
    return prev->seq == v->tail.seq &&
           memcmp(prev->hash, v->tail.hash, sizeof prev->hash) == 0;
}

static bool
take_sound(struct walk *w, struct bytes line, const struct audit_tail *prev,
           const struct audit_tail *tail)
{
    static const struct audit_tail zero;
    struct audit_verifier *v = w->v;
    if (v->torn_line != 0) {
        if (!is_excuse(v, line))
            return broken(w, v->torn_line, "this is no line of an audit log");
        v->torn_line = 0;
        v->n_recovered++;
    }
    bool is_first = v->first_seq == 0;
    if (is_first && tail->seq == 1 &&
        memcmp(prev->hash, zero.hash, sizeof zero.hash) != 0)
        return broken(w, w->line, "the first line of all follows another");
    if (!is_first && !is_next(v, prev))
        return broken(w, w->line,
                      "it does not follow the line before: lines were changed, "
                      "left out or put in");
    if (is_first)
        v->first_seq = tail->seq;
    v->tail = *tail;
    v->n_lines++;
    return true;
}

static bool
take_line(void *ctx, struct bytes line)
{
    struct walk *w = ctx;
    struct audit_verifier *v = w->v;
    struct audit_tail prev, tail;
    w->line++;
    enum err err = audit_open_line(line, &prev, &tail);
    if (err == ERR_NONE)
        return take_sound(w, line, &prev, &tail);
    if (err == ERR_CRYPTO)
        return broken(w, w->line, "its hash is wrong: it was changed");
    if (err != ERR_PROTO) {
        w->err = fault_set(w->why, err, 0, "%.120s: cannot be checked", w->name);
        return false;
    }
    if (v->torn_line != 0)
        return broken(w, v->torn_line, "this is no line of an audit log");
    v->torn_line = w->line;
    v->torn_len = line.n;
    return true;
}

enum err
audit_verify(struct audit_verifier *v, int fd, const char *name, struct fault *why)
{
    struct walk w = {.v = v, .name = name, .why = why};
    if (v->unfinished != 0)
        return fault_set(why, ERR_CRYPTO, 0,
                         "%.120s: the file before it ends in the middle of a line", name);
    enum err err = audit_each_line(fd, take_line, &w, &v->unfinished);
    if (w.err != ERR_NONE)
        return w.err;
    if (err == ERR_LIMIT)
        return fault_set(why, ERR_CRYPTO, 0, "%.120s:%llu: too long for a line", name,
                         (unsigned long long)w.line + 1);
    if (err != ERR_NONE)
        return fault_errno(why, err, errno, "cannot read %.160s", name);
    if (v->torn_line != 0) {
        (void)broken(&w, v->torn_line, "this is no line of an audit log");
        return w.err;
    }
    return ERR_NONE;
}
