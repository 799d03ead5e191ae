/*
 * The client's SFTP session and a job on it against a hostile server.
 *
 * The first octet chooses the job, the second its flags. Then come replies: one octet of
 * control, one or two of length, and the message from its type on. Control 0xff hands
 * the octets on as they are, without a frame; otherwise the message is framed and,
 * unless its top bit is set, given the id of the request that control counts to, so
 * that a fuzzer gets past the first check.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/stream_mem.h"
#include "transfer/session.h"
#include "wire/put.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IDS_MAX = 256, REPLIES_MAX = 2000 };

struct input {
    const uint8_t *p, *end;
};

struct server {
    struct mem_stream stream;
    struct transfer *t;
    uint32_t ids[IDS_MAX]; /* of requests that came, the oldest first */
    size_t n_ids;
    uint64_t now_ms;
};

static uint8_t
next_octet(struct input *in)
{
    return in->p < in->end ? *in->p++ : 0;
}

/* ---- the local side: a directory that is empty before each run ---- */

static char target[64];

static void
remove_content(const char *path)
{
    char child[4096];
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR) {
            chmod(child, 0700);
            remove_content(child);
            rmdir(child);
        } else {
            unlink(child);
        }
    }
    if (d)
        closedir(d);
}

static void
remove_target(void)
{
    remove_content(target);
    rmdir(target);
}

static void
make_target(void)
{
    if (target[0] != '\0')
        return;
    snprintf(target, sizeof target, "/tmp/ferry-fuzz-client.XXXXXX");
    if (!mkdtemp(target))
        abort();
    atexit(remove_target);
}

/* ---- the session ---- */

static void
on_event(void *ctx, const struct transfer_event *ev)
{
    (void)ctx;
    for (const char *p = ev->problem.text; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            abort(); /* a server's octets reached the text unescaped */
}

static enum err
fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x33, n);
    return ERR_NONE;
}

static void
add_job(struct transfer *t, struct input *in)
{
    uint32_t job;
    struct transfer_spec spec = {
        .verb = (enum transfer_verb)(next_octet(in) % (TRANSFER_SETSTAT + 1)),
        .flags = next_octet(in),
        .path = BYTES_LIT("/d/x"),
        .path2 = BYTES_LIT("~/y"),
        .local = target};
    if (spec.verb == TRANSFER_PUT)
        spec.local = "/proc/self/comm"; /* a small file that is always there */
    if (transfer_add(t, &spec, &job) != ERR_NONE)
        abort();
}

/* Note the ids of what was asked. */
static void
take_requests(struct server *s)
{
    struct cursor c = cursor_of(mem_stream_pending(&s->stream));
    while (cursor_left(&c) != 0) {
        struct bytes message = cursor_string(&c);
        struct cursor body = cursor_of(message);
        uint8_t type = cursor_u8(&body);
        uint32_t id = cursor_u32(&body);
        if (type != SSH_FXP_INIT && !body.failed && s->n_ids < IDS_MAX)
            s->ids[s->n_ids++] = id;
    }
    mem_stream_drain(&s->stream, mem_stream_pending(&s->stream).n);
}

static uint32_t
take_id(struct server *s, uint8_t control)
{
    if (s->n_ids == 0)
        return control;
    size_t i = control % s->n_ids;
    uint32_t id = s->ids[i];
    s->n_ids--;
    memmove(&s->ids[i], &s->ids[i + 1], (s->n_ids - i) * sizeof s->ids[0]);
    return id;
}

static void
hand_on(struct server *s, struct bytes octets)
{
    enum err e = transfer_input(s->t, s->now_ms++, octets);
    (void)e; /* the input decides */
    take_requests(s);
}

static void
one_reply(struct server *s, struct input *in)
{
    uint8_t control = next_octet(in);
    size_t n = next_octet(in);
    if (n >= 0xf0)
        n = (n & 0xf) << 8 | next_octet(in);
    if (n > (size_t)(in->end - in->p))
        n = (size_t)(in->end - in->p);
    struct bytes body = bytes_of(in->p, n);
    in->p += n;
    if (control == 0xff) {
        hand_on(s, body);
        return;
    }
    struct buf frame;
    buf_init(&frame, 1 << 16);
    put_string(&frame, body);
    if (n >= 5 && control < 0x80 && body.p[0] != SSH_FXP_VERSION)
        store_u32(frame.p + 5, take_id(s, control));
    hand_on(s, buf_bytes(&frame));
    buf_clear(&frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rand_source rand = {fill, NULL};
    static struct server s;
    struct input in = {data, data + size};
    make_target();
    s = (struct server){0};
    mem_stream_init(&s.stream, 1 << 20, 0);
    struct transfer_config config = {
        .out = &s.stream.stream, .rand = &rand, .sink = {on_event, NULL}};
    if (transfer_new(&config, 0, &s.t) != ERR_NONE)
        abort();
    add_job(s.t, &in);
    take_requests(&s);
    for (int i = 0; i < REPLIES_MAX && in.p < in.end; i++)
        one_reply(&s, &in);
    transfer_end(s.t, NULL);
    if (!transfer_is_idle(s.t))
        abort(); /* a job outlived its session */
    transfer_free(s.t);
    mem_stream_clear(&s.stream);
    remove_content(target);
    return 0;
}
