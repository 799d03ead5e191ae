/*
 * The sending half of the client: one function a request, all through
 * `request`, which gives the id, writes the message and counts it as in flight.
 */
#include "sftp/client_state.h"

#include "wire/put.h"

/* Extensions by name and value (OpenSSH's PROTOCOL 4; for check-file and the two
 * behind it the values differ between servers, so any will do). */
static const struct ext_row {
    enum sftp_can can;
    const char *name;
    const char *value; /* NULL: any */
} ext_rows[] = {
    {SFTP_CAN_POSIX_RENAME, "posix-rename@openssh.com", "1"},
    {SFTP_CAN_STATVFS, "statvfs@openssh.com", "2"},
    {SFTP_CAN_FSTATVFS, "fstatvfs@openssh.com", "2"},
    {SFTP_CAN_HARDLINK, "hardlink@openssh.com", "1"},
    {SFTP_CAN_FSYNC, "fsync@openssh.com", "1"},
    {SFTP_CAN_LSETSTAT, "lsetstat@openssh.com", "1"},
    {SFTP_CAN_LIMITS, "limits@openssh.com", "1"},
    {SFTP_CAN_EXPAND_PATH, "expand-path@openssh.com", "1"},
    {SFTP_CAN_COPY_DATA, "copy-data", NULL},
    {SFTP_CAN_HOME_DIRECTORY, "home-directory", NULL},
    {SFTP_CAN_USERS_GROUPS, "users-groups-by-id@openssh.com", "1"},
    {SFTP_CAN_CHECK_FILE, "check-file", NULL},
    {SFTP_CAN_CHECK_FILE, "check-file-name", NULL}, /* VanDyke's server says so */
};

unsigned
sftp_can_of(struct bytes name, struct bytes data)
{
    for (size_t i = 0; i < ARRAY_LEN(ext_rows); i++) {
        const struct ext_row *row = &ext_rows[i];
        if (bytes_eq_str(name, row->name) &&
            (!row->value || bytes_eq_str(data, row->value)))
            return (unsigned)row->can;
    }
    return 0;
}

uint8_t
sftp_reply_for(const struct sftp_req *req)
{
    static const uint8_t replies[] = {
        [SSH_FXP_OPEN] = SSH_FXP_HANDLE,     [SSH_FXP_OPENDIR] = SSH_FXP_HANDLE,
        [SSH_FXP_READ] = SSH_FXP_DATA,       [SSH_FXP_READDIR] = SSH_FXP_NAME,
        [SSH_FXP_REALPATH] = SSH_FXP_NAME,   [SSH_FXP_READLINK] = SSH_FXP_NAME,
        [SSH_FXP_STAT] = SSH_FXP_ATTRS,      [SSH_FXP_LSTAT] = SSH_FXP_ATTRS,
        [SSH_FXP_FSTAT] = SSH_FXP_ATTRS,     [SSH_FXP_CLOSE] = SSH_FXP_STATUS,
        [SSH_FXP_WRITE] = SSH_FXP_STATUS,    [SSH_FXP_SETSTAT] = SSH_FXP_STATUS,
        [SSH_FXP_FSETSTAT] = SSH_FXP_STATUS, [SSH_FXP_REMOVE] = SSH_FXP_STATUS,
        [SSH_FXP_MKDIR] = SSH_FXP_STATUS,    [SSH_FXP_RMDIR] = SSH_FXP_STATUS,
        [SSH_FXP_RENAME] = SSH_FXP_STATUS,   [SSH_FXP_SYMLINK] = SSH_FXP_STATUS,
    };
    if (req->type == SSH_FXP_EXTENDED)
        return req->extended_reply;
    return req->type < ARRAY_LEN(replies) ? replies[req->type] : 0;
}

void
sftp_client_trace(const struct sftp_client *c, const char *arrow, struct bytes message)
{
    if (!log_wants(c->config.log, TRACE_SFTP) || message.n == 0)
        return;
    struct buf line;
    buf_init(&line, 4096);
    buf_put_str(&line, arrow);
    size_t row = 0;
    while (row < SFTP_MSG_COUNT && sftp_msgs[row].number != message.p[0])
        row++;
    if (row < SFTP_MSG_COUNT)
        msg_print_wire(&sftp_msgs[row], &line, message);
    else
        buf_printf(&line, "type %u, %zu octets", message.p[0], message.n);
    const char *text = buf_cstr(&line);
    if (text)
        log_trace(c->config.log, TRACE_SFTP, "%s", text);
    buf_clear(&line);
}

/* ---- in flight ---- */

unsigned
sftp_client_room(const struct sftp_client *c)
{
    return c->fault.code == ERR_NONE && c->is_ready ? c->n_free : 0;
}

unsigned
sftp_client_in_flight(const struct sftp_client *c)
{
    return c->config.requests_max - c->n_free;
}

static enum err MUST_USE
take_slot(struct sftp_client *c, struct sftp_req *req, uint8_t type)
{
    if (c->fault.code != ERR_NONE)
        return c->fault.code;
    if (!c->is_ready || req->type != 0)
        return ERR_BUG;
    if (c->n_free == 0)
        return ERR_LIMIT;
    unsigned slot = c->free_slots[--c->n_free];
    c->slots[slot] = req;
    req->id = c->serial++ * SFTP_CLIENT_REQUESTS_MAX + slot;
    req->type = type;
    req->len = req->got = 0;
    req->offset = 0;
    return ERR_NONE;
}

void
sftp_client_release(struct sftp_client *c, struct sftp_req *req)
{
    unsigned slot = req->id % SFTP_CLIENT_REQUESTS_MAX;
    c->slots[slot] = NULL;
    c->free_slots[c->n_free++] = (uint16_t)slot;
    req->type = 0;
}

/* ---- handles ---- */

/* FNV-1a, 64 bits: a server that makes two collide harms nobody but itself. */
static uint64_t
handle_hash(struct bytes handle)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < handle.n; i++)
        hash = (hash ^ handle.p[i]) * 1099511628211U;
    return hash;
}

bool
sftp_handle_opened(struct sftp_client *c, struct bytes handle)
{
    uint64_t hash = handle_hash(handle);
    for (unsigned i = 0; i < c->n_handles; i++)
        if (c->handles[i] == hash)
            return false;
    if (c->n_handles < HANDLES_WATCHED)
        c->handles[c->n_handles++] = hash;
    return true;
}

void
sftp_handle_closed(struct sftp_client *c, struct bytes handle)
{
    uint64_t hash = handle_hash(handle);
    unsigned i = 0;
    while (i < c->n_handles && c->handles[i] != hash)
        i++;
    if (i < c->n_handles)
        c->handles[i] = c->handles[--c->n_handles];
}

/* ---- sending ---- */

/* Send the finished c->msg, whose length field is still to be filled. */
static enum err MUST_USE
send_built(struct sftp_client *c)
{
    enum err e = buf_err(&c->msg);
    if (e != ERR_NONE)
        return e;
    store_u32(c->msg.p, (uint32_t)(c->msg.n - 4));
    sftp_client_trace(c, "> ", bytes_skip(buf_bytes(&c->msg), 4));
    e = stream_write(c->out, buf_bytes(&c->msg));
    return e == ERR_NONE ? e : fault_set(&c->fault, e, 0, "the request cannot be sent");
}

/* Give the request an id and send it. msg: its row's struct; in every request's
 * row the id comes first, and is filled here. */
static enum err MUST_USE
request(struct sftp_client *c, struct sftp_req *req, enum sftp_msg row, void *msg)
{
    enum err e = take_slot(c, req, sftp_msgs[row].number);
    if (e != ERR_NONE)
        return e;
    *(msg_u32 *)msg = req->id;
    buf_reset(&c->msg);
    put_u32(&c->msg, 0);
    msg_put(&sftp_msgs[row], &c->msg, msg);
    e = send_built(c);
    if (e != ERR_NONE)
        sftp_client_release(c, req);
    return e;
}

static const char *
ext_name(enum sftp_can can)
{
    for (size_t i = 0; i < ARRAY_LEN(ext_rows); i++)
        if (ext_rows[i].can == can)
            return ext_rows[i].name;
    return NULL;
}

/* An EXTENDED request under its name; fields: of the given row. */
static enum err MUST_USE
named_request(struct sftp_client *c, struct sftp_req *req, const char *name,
              enum sftp_msg row, const void *fields, uint8_t reply)
{
    buf_reset(&c->ext);
    if (fields)
        msg_put(&sftp_msgs[row], &c->ext, fields);
    if (buf_err(&c->ext) != ERR_NONE)
        return buf_err(&c->ext);
    struct sftp_msg_extended m = {.request = bytes_str(name), .data = buf_bytes(&c->ext)};
    enum err e = request(c, req, SFTP_EXTENDED, &m);
    if (e == ERR_NONE)
        req->extended_reply = reply;
    return e;
}

static enum err MUST_USE
extended(struct sftp_client *c, struct sftp_req *req, enum sftp_can can,
         enum sftp_msg row, const void *fields, uint8_t reply)
{
    if (!sftp_client_has(c, can))
        return ERR_BUG;
    return named_request(c, req, ext_name(can), row, fields, reply);
}

/* ---- version 3 ---- */

enum err
sftp_client_open(struct sftp_client *c, struct sftp_req *req, struct bytes path,
                 uint32_t pflags, const struct sftp_attrs *attrs)
{
    struct sftp_msg_open m = {.filename = path, .pflags = pflags, .attrs = *attrs};
    return request(c, req, SFTP_OPEN, &m);
}

enum err
sftp_client_close(struct sftp_client *c, struct sftp_req *req, struct bytes handle)
{
    struct sftp_msg_close m = {.handle = handle};
    sftp_handle_closed(c, handle);
    return request(c, req, SFTP_CLOSE, &m);
}

enum err
sftp_client_read(struct sftp_client *c, struct sftp_req *req, struct bytes handle,
                 uint64_t offset, uint32_t len)
{
    struct sftp_msg_read m = {.handle = handle, .offset = offset, .len = len};
    if (!sftp_len_is_valid(len, c->limits.read_len))
        return ERR_BUG;
    enum err e = request(c, req, SFTP_READ, &m);
    if (e == ERR_NONE) {
        req->offset = offset;
        req->len = len;
    }
    return e;
}

enum err
sftp_client_stat(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_stat m = {.path = path};
    return request(c, req, SFTP_STAT, &m);
}

enum err
sftp_client_lstat(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_lstat m = {.path = path};
    return request(c, req, SFTP_LSTAT, &m);
}

enum err
sftp_client_fstat(struct sftp_client *c, struct sftp_req *req, struct bytes handle)
{
    struct sftp_msg_fstat m = {.handle = handle};
    return request(c, req, SFTP_FSTAT, &m);
}

enum err
sftp_client_setstat(struct sftp_client *c, struct sftp_req *req, struct bytes path,
                    const struct sftp_attrs *attrs)
{
    struct sftp_msg_setstat m = {.path = path, .attrs = *attrs};
    return request(c, req, SFTP_SETSTAT, &m);
}

enum err
sftp_client_fsetstat(struct sftp_client *c, struct sftp_req *req, struct bytes handle,
                     const struct sftp_attrs *attrs)
{
    struct sftp_msg_fsetstat m = {.handle = handle, .attrs = *attrs};
    return request(c, req, SFTP_FSETSTAT, &m);
}

enum err
sftp_client_opendir(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_opendir m = {.path = path};
    return request(c, req, SFTP_OPENDIR, &m);
}

enum err
sftp_client_readdir(struct sftp_client *c, struct sftp_req *req, struct bytes handle)
{
    struct sftp_msg_readdir m = {.handle = handle};
    return request(c, req, SFTP_READDIR, &m);
}

enum err
sftp_client_remove(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_remove m = {.filename = path};
    return request(c, req, SFTP_REMOVE, &m);
}

enum err
sftp_client_mkdir(struct sftp_client *c, struct sftp_req *req, struct bytes path,
                  const struct sftp_attrs *attrs)
{
    struct sftp_msg_mkdir m = {.path = path, .attrs = *attrs};
    return request(c, req, SFTP_MKDIR, &m);
}

enum err
sftp_client_rmdir(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_rmdir m = {.path = path};
    return request(c, req, SFTP_RMDIR, &m);
}

enum err
sftp_client_realpath(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_realpath m = {.path = path};
    return request(c, req, SFTP_REALPATH, &m);
}

enum err
sftp_client_rename(struct sftp_client *c, struct sftp_req *req, struct bytes oldpath,
                   struct bytes newpath)
{
    struct sftp_msg_rename m = {.oldpath = oldpath, .newpath = newpath};
    return request(c, req, SFTP_RENAME, &m);
}

enum err
sftp_client_readlink(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_readlink m = {.path = path};
    return request(c, req, SFTP_READLINK, &m);
}

enum err
sftp_client_symlink(struct sftp_client *c, struct sftp_req *req, struct bytes target,
                    struct bytes linkpath)
{
    bool target_first = c->config.symlink_order == SFTP_SYMLINK_TARGET_FIRST;
    struct sftp_msg_symlink m = {.first = target_first ? target : linkpath,
                                 .second = target_first ? linkpath : target};
    return request(c, req, SFTP_SYMLINK, &m);
}

/* ---- extensions ---- */

enum err
sftp_client_ask_limits(struct sftp_client *c)
{
    return extended(c, &c->limits_req, SFTP_CAN_LIMITS, SFTP_EXTENDED, NULL,
                    SSH_FXP_EXTENDED_REPLY);
}

enum err
sftp_client_posix_rename(struct sftp_client *c, struct sftp_req *req,
                         struct bytes oldpath, struct bytes newpath)
{
    struct sftp_msg_ext_posix_rename m = {.oldpath = oldpath, .newpath = newpath};
    return extended(c, req, SFTP_CAN_POSIX_RENAME, SFTP_EXT_POSIX_RENAME, &m,
                    SSH_FXP_STATUS);
}

enum err
sftp_client_hardlink(struct sftp_client *c, struct sftp_req *req, struct bytes oldpath,
                     struct bytes newpath)
{
    struct sftp_msg_ext_hardlink m = {.oldpath = oldpath, .newpath = newpath};
    return extended(c, req, SFTP_CAN_HARDLINK, SFTP_EXT_HARDLINK, &m, SSH_FXP_STATUS);
}

enum err
sftp_client_statvfs(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_ext_path m = {.path = path};
    return extended(c, req, SFTP_CAN_STATVFS, SFTP_EXT_PATH, &m, SSH_FXP_EXTENDED_REPLY);
}

enum err
sftp_client_fstatvfs(struct sftp_client *c, struct sftp_req *req, struct bytes handle)
{
    struct sftp_msg_ext_handle m = {.handle = handle};
    return extended(c, req, SFTP_CAN_FSTATVFS, SFTP_EXT_HANDLE, &m,
                    SSH_FXP_EXTENDED_REPLY);
}

enum err
sftp_client_fsync(struct sftp_client *c, struct sftp_req *req, struct bytes handle)
{
    struct sftp_msg_ext_handle m = {.handle = handle};
    return extended(c, req, SFTP_CAN_FSYNC, SFTP_EXT_HANDLE, &m, SSH_FXP_STATUS);
}

enum err
sftp_client_lsetstat(struct sftp_client *c, struct sftp_req *req, struct bytes path,
                     const struct sftp_attrs *attrs)
{
    struct sftp_msg_ext_lsetstat m = {.path = path, .attrs = *attrs};
    return extended(c, req, SFTP_CAN_LSETSTAT, SFTP_EXT_LSETSTAT, &m, SSH_FXP_STATUS);
}

enum err
sftp_client_expand_path(struct sftp_client *c, struct sftp_req *req, struct bytes path)
{
    struct sftp_msg_ext_path m = {.path = path};
    return extended(c, req, SFTP_CAN_EXPAND_PATH, SFTP_EXT_PATH, &m, SSH_FXP_NAME);
}

enum err
sftp_client_home_directory(struct sftp_client *c, struct sftp_req *req, struct bytes user)
{
    struct sftp_msg_ext_home_directory m = {.user = user};
    return extended(c, req, SFTP_CAN_HOME_DIRECTORY, SFTP_EXT_HOME_DIRECTORY, &m,
                    SSH_FXP_NAME);
}

enum err
sftp_client_copy_data(struct sftp_client *c, struct sftp_req *req,
                      const struct sftp_msg_ext_copy_data *what)
{
    return extended(c, req, SFTP_CAN_COPY_DATA, SFTP_EXT_COPY_DATA, what, SSH_FXP_STATUS);
}

enum err
sftp_client_users_groups(struct sftp_client *c, struct sftp_req *req, struct bytes uids,
                         struct bytes gids)
{
    struct sftp_msg_ext_users_groups m = {.uids = uids, .gids = gids};
    return extended(c, req, SFTP_CAN_USERS_GROUPS, SFTP_EXT_USERS_GROUPS, &m,
                    SSH_FXP_EXTENDED_REPLY);
}

/* The extension is announced as "check-file"; its two requests have longer names. */
static enum err MUST_USE
check_file(struct sftp_client *c, struct sftp_req *req, const char *name,
           const struct sftp_msg_ext_check_file *what)
{
    if (!sftp_client_has(c, SFTP_CAN_CHECK_FILE))
        return ERR_BUG;
    return named_request(c, req, name, SFTP_EXT_CHECK_FILE, what, SSH_FXP_EXTENDED_REPLY);
}

enum err
sftp_client_check_file_name(struct sftp_client *c, struct sftp_req *req,
                            const struct sftp_msg_ext_check_file *what)
{
    return check_file(c, req, "check-file-name", what);
}

enum err
sftp_client_check_file_handle(struct sftp_client *c, struct sftp_req *req,
                              const struct sftp_msg_ext_check_file *what)
{
    return check_file(c, req, "check-file-handle", what);
}

/* ---- WRITE ---- */

/* length, type, id, handle, offset, length of the data */
enum { WRITE_FIELDS_LEN = 4 + 1 + 4 + 4 + 8 + 4 };

enum err
sftp_client_write_begin(struct sftp_client *c, struct sftp_req *req, struct bytes handle,
                        uint64_t offset, uint32_t want, struct iovec *holes, int *n_holes)
{
    struct sftp_write *w = &c->write;
    if (w->req || !sftp_len_is_valid(want, c->limits.write_len) ||
        handle.n > SFTP_HANDLE_MAX)
        return ERR_BUG;
    if (!stream_has_room(c->out))
        return ERR_LIMIT;
    enum err e = take_slot(c, req, SSH_FXP_WRITE);
    if (e != ERR_NONE)
        return e;
    size_t head_len = WRITE_FIELDS_LEN + handle.n;
    e = stream_reserve(c->out, head_len, want, holes, n_holes);
    if (e != ERR_NONE) {
        sftp_client_release(c, req);
        return e == ERR_LIMIT ? e : fault_set(&c->fault, e, 0, "the data cannot be sent");
    }
    req->offset = offset;
    req->len = want;
    *w = (struct sftp_write){
        .req = req, .head_len = head_len, .want = want, .handle_len = handle.n};
    memcpy(w->handle, handle.p, handle.n);
    return ERR_NONE;
}

enum err
sftp_client_write_commit(struct sftp_client *c, uint32_t n)
{
    struct sftp_write *w = &c->write;
    struct sftp_req *req = w->req;
    if (!req || !sftp_len_is_valid(n, w->want))
        return ERR_BUG;
    struct sftp_msg_write m = {.id = req->id,
                               .handle = bytes_of(w->handle, w->handle_len),
                               .offset = req->offset,
                               .data = n};
    buf_reset(&c->msg);
    put_u32(&c->msg, (uint32_t)(w->head_len - 4) + n);
    msg_put(&sftp_msgs[SFTP_WRITE], &c->msg, &m);
    if (buf_err(&c->msg) != ERR_NONE) {
        sftp_client_write_abandon(c);
        return buf_err(&c->msg);
    }
    sftp_client_trace(c, "> ", bytes_skip(buf_bytes(&c->msg), 4));
    w->req = NULL;
    req->len = n;
    enum err e = stream_commit(c->out, buf_bytes(&c->msg), n);
    if (e == ERR_NONE)
        return e;
    sftp_client_release(c, req);
    return fault_set(&c->fault, e, 0, "the data cannot be sent");
}

void
sftp_client_write_abandon(struct sftp_client *c)
{
    struct sftp_req *req = c->write.req;
    if (!req)
        return;
    c->write.req = NULL;
    stream_abandon(c->out);
    sftp_client_release(c, req);
}
