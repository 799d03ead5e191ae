/* See server_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sftp/server_rig.h"
#include "wire/put.h"

enum { ROOM = 4 << 20 };

/* ---- the world around ---- */

static enum err
fill_random(void *ctx, uint8_t *p, size_t n)
{
    uint64_t *state = ctx;
    for (size_t i = 0; i < n; i++) {
        *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
        p[i] = (uint8_t)(*state >> 56);
    }
    return ERR_NONE;
}

static int64_t
rig_now(void *ctx)
{
    return ((struct rig *)ctx)->now;
}

static bool
rig_local_time(void *ctx, int64_t seconds, struct tm *t)
{
    (void)ctx;
    time_t when = (time_t)seconds;
    return gmtime_r(&when, t) != NULL;
}

static bool
rig_name(void *ctx, uint32_t id, char name[SFTP_OWNER_MAX + 1])
{
    (void)ctx;
    if (id > 1)
        return false;
    snprintf(name, SFTP_OWNER_MAX + 1, "%s", id == 0 ? "root" : "staff");
    return true;
}

static bool
rig_home_of(void *ctx, struct bytes user, struct vfs_path *home)
{
    (void)ctx;
    return bytes_eq_str(user, "bob") &&
           vfs_path_parse(home, NULL, BYTES_LIT("/home/bob")) == 0;
}

static void
rig_audit(void *ctx, const struct sftp_audit *use)
{
    struct rig *r = ctx;
    r->n_audits++;
    r->audit = *use;
    if (use->path.n != 0)
        memcpy(r->audit_path, use->path.p, use->path.n);
    r->audit_path[use->path.n] = 0;
    r->audit.path = bytes_str(r->audit_path);
    r->audit.other = (struct bytes){0};
    snprintf(r->audit_text, sizeof r->audit_text, "%s", use->text);
    r->audit.text = r->audit_text;
}

/* ---- life ---- */

void
rig_init(struct rig *r, struct vfs *vfs)
{
    static struct rand_source rand;
    static struct sftp_host host;
    *r = (struct rig){.vfs = vfs, .random = 42, .now = 1700000000};
    if (!vfs)
        assert_int_equal(mem_vfs_new(NULL, &r->vfs), 0);
    mem_stream_init(&r->stream, ROOM, 1024);
    buf_init(&r->answer, SFTP_MESSAGE_MAX + 4);
    rand = (struct rand_source){.fill = fill_random, .ctx = &r->random};
    host = (struct sftp_host){
        .now = rig_now,
        .local_time = rig_local_time,
        .user_name = rig_name,
        .group_name = rig_name,
        .home_of = rig_home_of,
        .ctx = r,
    };
    r->config = (struct sftp_server_config){
        .vfs = r->vfs,
        .home = "/",
        .user = "alice",
        .peer_software = "OpenSSH_9.2p1",
        .rand = &rand,
        .host = &host,
        .audit = rig_audit,
        .audit_ctx = r,
    };
}

void
rig_build(struct rig *r)
{
    r->config.vfs = r->vfs;
    assert_int_equal(sftp_server_new(&r->config, &r->stream.stream, &r->server),
                     ERR_NONE);
}

void
rig_start(struct rig *r)
{
    rig_build(r);
    struct reply reply = rig_payload(r, bytes_of("\1\0\0\0\3", 5));
    assert_int_equal(reply.type, SSH_FXP_VERSION);
}

void
rig_clear(struct rig *r)
{
    sftp_server_free(r->server);
    vfs_free(r->vfs);
    mem_stream_clear(&r->stream);
    buf_clear(&r->answer);
}

/* ---- octets ---- */

static void
feed_slice(struct rig *r, struct bytes slice)
{
    do {
        size_t used = 0;
        r->error = sftp_server_input(r->server, slice, &used);
        assert_true(used <= slice.n);
        slice = bytes_skip(slice, used);
        bool stalls = !stream_has_room(&r->stream.stream);
        if (r->error != ERR_NONE || stalls)
            return;
    } while (slice.n != 0 || sftp_server_is_busy(r->server));
}

void
rig_feed(struct rig *r, struct bytes octets)
{
    r->error = ERR_NONE;
    while (octets.n != 0 && r->error == ERR_NONE) {
        /* An allocation of its own, so that reading past it is seen. */
        size_t n = r->slice && r->slice < octets.n ? r->slice : octets.n;
        uint8_t *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, octets.p, n);
        feed_slice(r, bytes_of(copy, n));
        free(copy);
        octets = bytes_skip(octets, n);
    }
}

struct reply
rig_next(struct rig *r)
{
    struct cursor c = cursor_of(mem_stream_pending(&r->stream));
    struct reply reply = {0};
    uint32_t n = cursor_u32(&c);
    struct bytes payload = cursor_raw(&c, n);
    if (c.failed || n == 0)
        return reply;
    buf_reset(&r->answer);
    buf_put(&r->answer, payload);
    assert_int_equal(buf_err(&r->answer), ERR_NONE);
    mem_stream_drain(&r->stream, 4 + n);

    c = cursor_of(buf_bytes(&r->answer));
    reply.type = cursor_u8(&c);
    reply.id = cursor_u32(&c);
    struct cursor fields = c;
    reply.body = cursor_rest(&c);
    if (reply.type == SSH_FXP_STATUS) {
        reply.code = cursor_u32(&fields);
        reply.text = cursor_string(&fields);
        assert_true(bytes_eq_str(cursor_string(&fields), "en"));
        assert_true(cursor_is_done(&fields));
    }
    if (reply.type == SSH_FXP_DATA || reply.type == SSH_FXP_HANDLE) {
        reply.body = cursor_string(&fields);
        assert_true(cursor_is_done(&fields));
    }
    return reply;
}

struct reply
rig_payload(struct rig *r, struct bytes payload)
{
    struct buf frame;
    buf_init(&frame, SFTP_MESSAGE_MAX + 4);
    put_string(&frame, payload);
    assert_int_equal(buf_err(&frame), ERR_NONE);
    rig_feed(r, buf_bytes(&frame));
    buf_clear(&frame);
    return rig_next(r);
}

struct reply
rig_ask(struct rig *r, enum sftp_msg row, void *msg)
{
    struct buf payload;
    buf_init(&payload, SFTP_MESSAGE_MAX);
    *(uint32_t *)msg = ++r->id; /* every request's first field */
    msg_put(&sftp_msgs[row], &payload, msg);
    assert_int_equal(buf_err(&payload), ERR_NONE);
    struct reply reply = rig_payload(r, buf_bytes(&payload));
    buf_clear(&payload);
    if (reply.type != 0)
        assert_int_equal(reply.id, r->id);
    return reply;
}

struct reply
rig_extended(struct rig *r, const char *name, enum sftp_msg row, const void *msg)
{
    struct buf fields;
    buf_init(&fields, SFTP_MESSAGE_MAX);
    if (row != SFTP_MSG_COUNT)
        msg_put(&sftp_msgs[row], &fields, msg);
    struct sftp_msg_extended m = {.request = bytes_str(name), .data = buf_bytes(&fields)};
    struct reply reply = rig_ask(r, SFTP_EXTENDED, &m);
    buf_clear(&fields);
    return reply;
}

/* ---- requests ---- */

struct reply
rig_path(struct rig *r, enum sftp_msg row, const char *path)
{
    /* All these rows are an id, a path and perhaps attributes. */
    struct sftp_msg_setstat m = {.path = bytes_str(path)};
    return rig_ask(r, row, &m);
}

struct reply
rig_handle(struct rig *r, enum sftp_msg row, const struct rig_handle *h)
{
    struct sftp_msg_close m = {.handle = bytes_of(h->p, h->n)};
    return rig_ask(r, row, &m);
}

struct reply
rig_open(struct rig *r, const char *path, uint32_t pflags)
{
    struct sftp_msg_open m = {.filename = bytes_str(path), .pflags = pflags};
    return rig_ask(r, SFTP_OPEN, &m);
}

struct reply
rig_read(struct rig *r, const struct rig_handle *h, uint64_t offset, uint32_t len)
{
    struct sftp_msg_read m = {
        .handle = bytes_of(h->p, h->n), .offset = offset, .len = len};
    return rig_ask(r, SFTP_READ, &m);
}

struct reply
rig_write(struct rig *r, const struct rig_handle *h, uint64_t offset, struct bytes data)
{
    struct buf payload;
    buf_init(&payload, 2 * SFTP_MESSAGE_MAX);
    struct sftp_msg_write m = {.id = ++r->id,
                               .handle = bytes_of(h->p, h->n),
                               .offset = offset,
                               .data = (uint32_t)data.n};
    msg_put(&sftp_msgs[SFTP_WRITE], &payload, &m);
    buf_put(&payload, data);
    struct reply reply = rig_payload(r, buf_bytes(&payload));
    buf_clear(&payload);
    if (reply.type != 0)
        assert_int_equal(reply.id, r->id);
    return reply;
}

struct reply
rig_rename(struct rig *r, const char *from, const char *to)
{
    struct sftp_msg_rename m = {.oldpath = bytes_str(from), .newpath = bytes_str(to)};
    return rig_ask(r, SFTP_RENAME, &m);
}

static struct rig_handle
take_handle(struct reply reply)
{
    if (reply.type == SSH_FXP_STATUS)
        print_error("no handle: %u %.*s\n", reply.code, (int)reply.text.n,
                    (const char *)reply.text.p);
    assert_int_equal(reply.type, SSH_FXP_HANDLE);
    struct rig_handle h = {.n = reply.body.n};
    assert_true(h.n >= 1 && h.n <= 256);
    memcpy(h.p, reply.body.p, h.n);
    return h;
}

struct rig_handle
rig_must_open(struct rig *r, const char *path, uint32_t pflags)
{
    return take_handle(rig_open(r, path, pflags));
}

struct rig_handle
rig_must_opendir(struct rig *r, const char *path)
{
    return take_handle(rig_path(r, SFTP_OPENDIR, path));
}

void
rig_must_close(struct rig *r, const struct rig_handle *h)
{
    expect_status(rig_handle(r, SFTP_CLOSE, h), SSH_FX_OK);
}

void
rig_make_file(struct rig *r, const char *path, const char *content)
{
    struct rig_handle h =
        rig_must_open(r, path, SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_TRUNC);
    expect_status(rig_write(r, &h, 0, bytes_str(content)), SSH_FX_OK);
    rig_must_close(r, &h);
}

void
rig_check_file(struct rig *r, const char *path, const char *content)
{
    struct rig_handle h = rig_must_open(r, path, SSH_FXF_READ);
    struct reply got = rig_read(r, &h, 0, 100000);
    if (*content) {
        assert_int_equal(got.type, SSH_FXP_DATA);
        assert_int_equal(got.body.n, strlen(content));
        assert_memory_equal(got.body.p, content, got.body.n);
    } else {
        expect_status(got, SSH_FX_EOF);
    }
    rig_must_close(r, &h);
}

/* ---- checks ---- */

void
expect_status(struct reply got, enum ssh_fx code)
{
    if (got.type == SSH_FXP_STATUS && got.code != code)
        print_error("status %u \"%.*s\", not %u\n", got.code, (int)got.text.n,
                    (const char *)got.text.p, code);
    assert_int_equal(got.type, SSH_FXP_STATUS);
    assert_int_equal(got.code, code);
    assert_true(got.text.n != 0);
}

void
expect_text(struct reply got, const char *part)
{
    assert_int_equal(got.type, SSH_FXP_STATUS);
    if (!memmem(got.text.p, got.text.n, part, strlen(part)))
        fail_msg("\"%.*s\" does not say \"%s\"", (int)got.text.n,
                 (const char *)got.text.p, part);
}

struct sftp_attrs
expect_attrs(struct reply got)
{
    assert_int_equal(got.type, SSH_FXP_ATTRS);
    struct cursor c = cursor_of(got.body);
    struct sftp_attrs a = cursor_attrs(&c);
    assert_true(cursor_is_done(&c));
    assert_int_equal(a.flags, 0x0f);
    return a;
}

void
expect_name(struct reply got, const char *name)
{
    if (got.type == SSH_FXP_STATUS)
        print_error("status %u %.*s\n", got.code, (int)got.text.n,
                    (const char *)got.text.p);
    assert_int_equal(got.type, SSH_FXP_NAME);
    struct cursor c = cursor_of(got.body);
    assert_int_equal(cursor_u32(&c), 1);
    for (int i = 0; i < 2; i++) { /* filename and longname are the same */
        struct bytes text = cursor_string(&c);
        if (!bytes_eq_str(text, name))
            fail_msg("\"%.*s\", not \"%s\"", (int)text.n, (const char *)text.p, name);
    }
    assert_int_equal(cursor_attrs(&c).flags, 0);
    assert_true(cursor_is_done(&c));
}
