/* See fake_server.h. */
#include "transfer/fake_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "wire/put.h"

enum { REQUESTS_MAX_LEN = 64 << 20 };

uint8_t
fake_octet(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

/* ---- what the session tells ---- */

static void
copy_text(char *to, size_t size, struct bytes from)
{
    struct bytes part = bytes_first(from, size - 1);
    if (part.n != 0)
        memcpy(to, part.p, part.n);
    to[part.n] = '\0';
}

static void
on_event(void *ctx, const struct transfer_event *ev)
{
    struct fake *f = ctx;
    f->n_events[ev->type]++;
    if (ev->type == TRANSFER_EV_FILE_FAILED && f->n_failures < FAKE_PROBLEMS) {
        f->failures[f->n_failures] = ev->problem.kind;
        copy_text(f->texts[f->n_failures++], sizeof f->texts[0],
                  bytes_str(ev->problem.text));
    }
    if (ev->type == TRANSFER_EV_FILE_START)
        f->start_done = ev->done;
    if (ev->type == TRANSFER_EV_DATA)
        buf_put(&f->data, ev->data);
    if (ev->type == TRANSFER_EV_PATH)
        copy_text(f->result, sizeof f->result, ev->result);
    if (ev->type != TRANSFER_EV_JOB_DONE)
        return;
    f->job_problem = ev->problem;
    f->job_problem.text = NULL;
    f->totals = *ev->totals;
}

static enum err
fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x77, n);
    return ERR_NONE;
}

void
fake_init(struct fake *f, const struct transfer_config *config)
{
    static const struct rand_source rand = {fill, NULL};
    struct transfer_config mine = config ? *config : (struct transfer_config){0};
    memset(f, 0, sizeof *f);
    mem_stream_init(&f->stream, 64 << 20, 0);
    buf_init(&f->in, REQUESTS_MAX_LEN);
    buf_init(&f->data, REQUESTS_MAX_LEN);
    for (size_t i = 0; i < FAKE_REPLIES; i++)
        buf_init(&f->replies[i], SFTP_PACKET_MAX + 4);
    f->least_read_at = UINT64_MAX;
    mine.out = &f->stream.stream;
    mine.rand = &rand;
    mine.sink = (struct transfer_sink){on_event, f};
    enum err e = transfer_new(&mine, f->now_ms, &f->t);
    assert(e == ERR_NONE);
}

void
fake_clear(struct fake *f)
{
    transfer_free(f->t);
    mem_stream_clear(&f->stream);
    buf_clear(&f->in);
    buf_clear(&f->data);
    for (size_t i = 0; i < FAKE_REPLIES; i++)
        buf_clear(&f->replies[i]);
}

/* ---- replies ---- */

static struct buf *
new_reply(struct fake *f)
{
    assert(f->n_replies < FAKE_REPLIES);
    struct buf *b = &f->replies[f->n_replies++];
    buf_reset(b);
    put_u32(b, 0);
    return b;
}

static void
end_reply(struct buf *b)
{
    assert(buf_err(b) == ERR_NONE);
    store_u32(b->p, (uint32_t)(b->n - 4));
}

static void
reply(struct fake *f, enum sftp_msg row, const void *msg)
{
    struct buf *b = new_reply(f);
    msg_put(&sftp_msgs[row], b, msg);
    end_reply(b);
}

static void
reply_status(struct fake *f, uint32_t id, uint32_t code)
{
    struct sftp_msg_status m = {.id = id, .code = code};
    reply(f, SFTP_STATUS, &m);
}

static void
reply_version(struct fake *f)
{
    struct buf pairs;
    struct bytes rest = bytes_str(f->extensions), item;
    buf_init(&pairs, 1000);
    while (bytes_next_item(&rest, &item)) {
        const uint8_t *eq = memchr(item.p, '=', item.n);
        put_string(&pairs, bytes_of(item.p, (size_t)(eq - item.p)));
        put_string(&pairs, bytes_skip(item, (size_t)(eq - item.p) + 1));
    }
    struct sftp_msg_version m = {.version = 3, .extensions = buf_bytes(&pairs)};
    reply(f, SFTP_VERSION, &m);
    buf_clear(&pairs);
}

static void
reply_handle(struct fake *f, uint32_t id, struct bytes path, bool is_dir)
{
    uint8_t number[4];
    assert(f->n_handles < FAKE_HANDLES);
    struct fake_handle *h = &f->handles[f->n_handles];
    *h = (struct fake_handle){.is_dir = is_dir, .is_open = true};
    copy_text(h->path, sizeof h->path, path);
    store_u32(number, f->n_handles++);
    if (++f->n_open > f->most_open)
        f->most_open = f->n_open;
    struct sftp_msg_handle m = {.id = id, .handle = bytes_of(number, 4)};
    reply(f, SFTP_HANDLE, &m);
}

static struct fake_handle *
handle_of(struct fake *f, struct bytes handle)
{
    struct cursor c = cursor_of(handle);
    uint32_t i = cursor_u32(&c);
    assert(!c.failed && i < f->n_handles && f->handles[i].is_open);
    return &f->handles[i];
}

/* ---- the tree ---- */

static struct bytes
entry_name(const struct fake_entry *e)
{
    return bytes_of(e->name, e->name_len ? e->name_len : strlen(e->name));
}

static struct sftp_attrs
attrs_of(const struct fake *f, const struct fake_entry *e)
{
    if (e->has_no_attrs)
        return (struct sftp_attrs){0};
    return (struct sftp_attrs){.flags = SFTP_ATTR_SIZE | SFTP_ATTR_PERMISSIONS |
                                        SFTP_ATTR_ACMODTIME,
                               .size = e->size,
                               .permissions = e->permissions,
                               .atime = (uint32_t)f->mtime,
                               .mtime = (uint32_t)f->mtime};
}

static bool
find_attrs(const struct fake *f, struct bytes path, struct sftp_attrs *attrs)
{
    static const struct fake_entry dir = {.name = "", .permissions = S_IFDIR | 0755};
    struct bytes base = sftp_path_base(path);
    if (bytes_eq_str(path, "/dir")) {
        *attrs = attrs_of(f, &dir);
        return true;
    }
    for (size_t i = 0; i < f->n_entries; i++) {
        struct fake_entry e = f->entries[i];
        if (!bytes_eq(entry_name(&e), base))
            continue;
        e.has_no_attrs = false;
        *attrs = attrs_of(f, &e);
        return true;
    }
    return false;
}

static uint64_t
size_of(const struct fake *f, const char *path)
{
    struct sftp_attrs attrs = {0};
    find_attrs(f, bytes_str(path), &attrs);
    return f->real_size ? f->real_size : attrs.size;
}

/* ---- requests ---- */

static void
on_open(struct fake *f, uint32_t id, struct cursor *c)
{
    struct sftp_msg_open m;
    struct sftp_attrs attrs;
    bool is_found =
        msg_get(&sftp_msgs[SFTP_OPEN], c, &m) && find_attrs(f, m.filename, &attrs);
    copy_text(f->last_open, sizeof f->last_open, m.filename);
    if (f->refuses_excl && (m.pflags & SSH_FXF_EXCL)) {
        f->refuses_excl = false;
        reply_status(f, id, SSH_FX_FAILURE);
    } else if (is_found || (m.pflags & SSH_FXF_CREAT)) {
        reply_handle(f, id, m.filename, false);
    } else {
        reply_status(f, id, SSH_FX_NO_SUCH_FILE);
    }
}

static void
on_read(struct fake *f, uint32_t id, struct cursor *c)
{
    struct sftp_msg_read m;
    bool ok = msg_get(&sftp_msgs[SFTP_READ], c, &m);
    assert(ok);
    uint64_t size = size_of(f, handle_of(f, m.handle)->path);
    if (m.offset < f->least_read_at)
        f->least_read_at = m.offset;
    if (m.offset >= size) {
        reply_status(f, id, SSH_FX_EOF);
        return;
    }
    uint64_t n = size - m.offset < m.len ? size - m.offset : m.len;
    if (f->max_read && n > f->max_read)
        n = f->max_read;
    struct buf *b = new_reply(f);
    struct sftp_msg_data out = {.id = id, .data = (uint32_t)n};
    msg_put(&sftp_msgs[SFTP_DATA], b, &out);
    uint8_t *p = buf_extend(b, (size_t)n);
    for (uint64_t i = 0; p && i < n; i++)
        p[i] = fake_octet(m.offset + i) ^
               (f->corrupt_at && m.offset + i == f->corrupt_at ? 1 : 0);
    end_reply(b);
}

static void
on_write(struct fake *f, uint32_t id, struct cursor *c)
{
    struct sftp_msg_write m;
    bool ok = msg_get(&sftp_msgs[SFTP_WRITE], c, &m);
    assert(ok);
    if (f->fail_write && f->n_requests[SSH_FXP_WRITE] == f->fail_write) {
        reply_status(f, id, f->fail_write_code);
        return;
    }
    struct fake_handle *h = handle_of(f, m.handle);
    if (m.offset + m.data > h->extent)
        h->extent = m.offset + m.data;
    f->written += m.data;
    reply_status(f, id, SSH_FX_OK);
}

static void
on_readdir(struct fake *f, uint32_t id, struct cursor *c)
{
    struct sftp_msg_readdir m;
    bool ok = msg_get(&sftp_msgs[SFTP_READDIR], c, &m);
    assert(ok);
    struct fake_handle *h = handle_of(f, m.handle);
    bool lists = strcmp(h->path, "/dir") == 0 || f->every_dir_lists;
    if (h->is_listed || !lists) {
        reply_status(f, id, SSH_FX_EOF);
        return;
    }
    h->is_listed = true;
    struct buf names;
    buf_init(&names, SFTP_PACKET_MAX);
    for (size_t i = 0; i < f->n_entries; i++) {
        struct sftp_attrs attrs = attrs_of(f, &f->entries[i]);
        put_string(&names, entry_name(&f->entries[i]));
        put_cstring(&names, "-rw-r--r-- a lie");
        put_attrs(&names, &attrs);
    }
    struct sftp_msg_name out = {
        .id = id, .count = (uint32_t)f->n_entries, .names = buf_bytes(&names)};
    reply(f, SFTP_NAME, &out);
    buf_clear(&names);
}

static void
reply_one_name(struct fake *f, uint32_t id, struct bytes name)
{
    struct buf names;
    struct sftp_attrs none = {0};
    buf_init(&names, 4096);
    put_string(&names, name);
    put_string(&names, name);
    put_attrs(&names, &none);
    struct sftp_msg_name out = {.id = id, .count = 1, .names = buf_bytes(&names)};
    reply(f, SFTP_NAME, &out);
    buf_clear(&names);
}

static void
on_stat(struct fake *f, uint32_t id, struct cursor *c)
{
    struct sftp_attrs attrs;
    if (!find_attrs(f, cursor_string(c), &attrs)) {
        reply_status(f, id, SSH_FX_NO_SUCH_FILE);
        return;
    }
    struct sftp_msg_attrs m = {.id = id, .attrs = attrs};
    reply(f, SFTP_ATTRS, &m);
}

static void
on_fstat(struct fake *f, uint32_t id, struct cursor *c)
{
    struct fake_handle *h = handle_of(f, cursor_string(c));
    uint64_t size = h->extent ? h->extent : size_of(f, h->path);
    struct sftp_msg_attrs m = {
        .id = id,
        .attrs = {.flags = SFTP_ATTR_SIZE, .size = size + (uint64_t)f->size_error}};
    reply(f, SFTP_ATTRS, &m);
}

static void
on_close(struct fake *f, uint32_t id, struct cursor *c)
{
    struct fake_handle *h = handle_of(f, cursor_string(c));
    h->is_open = false;
    f->n_open--;
    reply_status(f, id, SSH_FX_OK);
}

static void
on_rename(struct fake *f, uint32_t id, struct cursor *c)
{
    cursor_string(c);
    copy_text(f->last_rename_to, sizeof f->last_rename_to, cursor_string(c));
    reply_status(f, id, SSH_FX_OK);
}

static void
on_extended(struct fake *f, uint32_t id, struct cursor *c)
{
    struct bytes name = cursor_string(c);
    if (bytes_eq_str(name, "posix-rename@openssh.com"))
        on_rename(f, id, c);
    else if (bytes_eq_str(name, "expand-path@openssh.com"))
        reply_one_name(f, id, BYTES_LIT("/home/me"));
    else
        reply_status(f, id, SSH_FX_OP_UNSUPPORTED);
}

static void
answer(struct fake *f, uint8_t type, struct cursor *c)
{
    struct cursor at = *c;
    uint32_t id = cursor_u32(&at);
    f->n_requests[type]++;
    if (type == SSH_FXP_INIT)
        reply_version(f);
    else if (f->silent_type != 0 && type == f->silent_type)
        return;
    else if (f->fail_type != 0 && type == f->fail_type)
        reply_status(f, id, f->fail_code);
    else if (type == SSH_FXP_OPEN)
        on_open(f, id, c);
    else if (type == SSH_FXP_READ)
        on_read(f, id, c);
    else if (type == SSH_FXP_WRITE)
        on_write(f, id, c);
    else if (type == SSH_FXP_OPENDIR)
        reply_handle(f, id, cursor_string(&at), true);
    else if (type == SSH_FXP_READDIR)
        on_readdir(f, id, c);
    else if (type == SSH_FXP_STAT || type == SSH_FXP_LSTAT)
        on_stat(f, id, &at);
    else if (type == SSH_FXP_FSTAT)
        on_fstat(f, id, &at);
    else if (type == SSH_FXP_CLOSE)
        on_close(f, id, &at);
    else if (type == SSH_FXP_RENAME)
        on_rename(f, id, &at);
    else if (type == SSH_FXP_READLINK)
        reply_one_name(f, id, bytes_str(f->link_target));
    else if (type == SSH_FXP_EXTENDED)
        on_extended(f, id, &at);
    else
        reply_status(f, id, SSH_FX_OK);
}

/* ---- turns ---- */

static bool
take_requests(struct fake *f)
{
    struct bytes sent = mem_stream_pending(&f->stream);
    bool is_any = sent.n != 0;
    buf_put(&f->in, sent);
    mem_stream_drain(&f->stream, sent.n);
    size_t at = 0;
    for (;;) {
        struct cursor c = cursor_of(bytes_skip(buf_bytes(&f->in), at));
        struct bytes message = cursor_string(&c);
        if (c.failed || message.n == 0)
            break;
        struct cursor body = cursor_of(message);
        uint8_t type = cursor_u8(&body);
        answer(f, type, &body);
        at += 4 + message.n;
    }
    buf_drop(&f->in, at);
    return is_any;
}

bool
fake_turn(struct fake *f)
{
    enum err e = transfer_run(f->t, f->now_ms);
    f->is_busy = true;
    bool is_any = take_requests(f);
    f->is_busy = false;
    size_t n = f->n_replies;
    f->n_replies = 0;
    for (size_t i = 0; i < n; i++) {
        struct buf *b = &f->replies[f->reverses ? n - 1 - i : i];
        e = transfer_input(f->t, f->now_ms, buf_bytes(b));
    }
    f->now_ms++;
    (void)e; /* told as an event */
    return is_any;
}

bool
fake_run(struct fake *f)
{
    while (fake_turn(f))
        ;
    return transfer_is_idle(f->t);
}

bool
fake_job(struct fake *f, const struct transfer_spec *spec)
{
    uint32_t job;
    enum err e = transfer_add(f->t, spec, &job);
    assert(e == ERR_NONE);
    return fake_run(f);
}
