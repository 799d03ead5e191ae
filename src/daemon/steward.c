/* See steward.h. */
#include "daemon/steward.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    size_t question, answer;
} sizes[STEWARD_OPS] = {
    [STEWARD_READY] = {0, sizeof(struct steward_answer)},
    [STEWARD_LOG] = {0, sizeof(struct steward_answer)},
    [STEWARD_LOOKUP] = {sizeof(struct steward_lookup), sizeof(struct steward_facts)},
    [STEWARD_PASSWORD] = {sizeof(struct steward_password), sizeof(struct steward_answer)},
    [STEWARD_KEY] = {sizeof(struct steward_key), sizeof(struct steward_answer)},
    [STEWARD_CODE] = {sizeof(struct steward_code), sizeof(struct steward_answer)},
    [STEWARD_PAM_BEGIN] = {sizeof(struct steward_pam_begin),
                           sizeof(struct steward_answer)},
    [STEWARD_PAM_ANSWER] = {sizeof(struct steward_pam_answer),
                            sizeof(struct steward_answer)},
    [STEWARD_PAM_END] = {sizeof(struct steward_pam_end), sizeof(struct steward_answer)},
    [STEWARD_ADMIT] = {sizeof(struct steward_admit), sizeof(struct steward_answer)},
    [STEWARD_NAMES] = {sizeof(struct steward_names), sizeof(struct steward_names_answer)},
    [STEWARD_QUOTA] = {sizeof(struct steward_quota), sizeof(struct steward_quota_answer)},
};

size_t
steward_question_size(uint32_t op)
{
    return op < STEWARD_OPS ? sizes[op].question : 0;
}

size_t
steward_answer_size(uint32_t op)
{
    return op < STEWARD_OPS ? sizes[op].answer : 0;
}

/* A question that the socket had no room for. */
struct waiting {
    struct waiting *next;
    size_t n;
    uint8_t octets[];
};

struct steward_client {
    int fd;
    const struct log_sink *log;
    uint64_t last_id;
    size_t n_waiting;
    struct waiting *first, **end;
    _Alignas(uint64_t) uint8_t message[STEWARD_MESSAGE_MAX];
};

enum err
steward_client_new(int fd, const struct log_sink *log, struct steward_client **client)
{
    struct steward_client *c = calloc(1, sizeof *c);
    *client = c;
    if (!c)
        return ERR_NOMEM;
    c->fd = fd;
    c->log = log;
    c->end = &c->first;
    return ERR_NONE;
}

static void
drop_first(struct steward_client *c)
{
    struct waiting *w = c->first;
    c->first = w->next;
    if (!c->first)
        c->end = &c->first;
    c->n_waiting--;
    mem_wipe(w->octets, w->n); /* it may be a password */
    free(w);
}

void
steward_client_free(struct steward_client *c)
{
    if (!c)
        return;
    while (c->first)
        drop_first(c);
    close(c->fd);
    mem_wipe(c->message, sizeof c->message);
    free(c);
}

int
steward_client_fd(const struct steward_client *c)
{
    return c->fd;
}

short
steward_client_events(const struct steward_client *c)
{
    return (short)(c->first ? POLLIN | POLLOUT : POLLIN);
}

enum err
steward_client_flush(struct steward_client *c)
{
    while (c->first) {
        ssize_t n = send(c->fd, c->first->octets, c->first->n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
            return ERR_NONE;
        if (n < 0)
            return ERR_CLOSED;
        drop_first(c);
    }
    return ERR_NONE;
}

enum err
steward_client_ask(struct steward_client *c, struct steward_head *question, uint64_t mark,
                   uint64_t *id)
{
    size_t n = steward_question_size(question->op);
    if (n == 0)
        return ERR_BUG;
    if (c->n_waiting == STEWARD_QUEUE_MAX)
        return ERR_LIMIT;
    struct waiting *w = malloc(sizeof *w + n);
    if (!w)
        return ERR_NOMEM;
    question->id = ++c->last_id;
    question->mark = mark;
    question->verdict = STEWARD_NO;
    *w = (struct waiting){.n = n};
    memcpy(w->octets, question, n);
    *c->end = w;
    c->end = &w->next;
    c->n_waiting++;
    if (id)
        *id = question->id;
    return steward_client_flush(c);
}

/* One message into c->message. */
static enum err
receive(struct steward_client *c)
{
    ssize_t n = recv(c->fd, c->message, sizeof c->message, 0);
    struct steward_head head;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ERR_LIMIT;
    if (n <= 0)
        return ERR_CLOSED;
    if ((size_t)n < sizeof head)
        return ERR_PROTO;
    memcpy(&head, c->message, sizeof head);
    return (size_t)n == steward_answer_size(head.op) ? ERR_NONE : ERR_PROTO;
}

/* The texts were escaped where they were made; here they are only bounded. */
static void
say(const struct steward_client *c, const struct steward_answer *line)
{
    enum log_level level =
        line->level <= LOG_LEVEL_DEBUG ? (enum log_level)line->level : LOG_LEVEL_DEBUG;
    log_line(c->log, level, "%.*s", (int)strnlen(line->text, sizeof line->text),
             line->text);
}

enum err
steward_client_next(struct steward_client *c, const struct steward_head **answer)
{
    for (;;) {
        enum err err = receive(c);
        if (err != ERR_NONE)
            return err;
        const struct steward_head *head = (const struct steward_head *)c->message;
        *answer = head;
        if (head->op != STEWARD_LOG)
            return ERR_NONE;
        say(c, (const struct steward_answer *)c->message);
    }
}
