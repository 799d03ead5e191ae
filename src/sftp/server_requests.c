/*
 * The request table: one row a request, and the row is the only truth for the
 * dispatcher, for what VERSION announces, for -p, -P and -Q of sftp-server(8),
 * and for read-only (threats P6, P7). A request that is not here is answered
 * with OP_UNSUPPORTED, never with silence (R8).
 */
#include "sftp/server_impl.h"

#include <stdio.h>

#include "wire/put.h"

enum request_class {
    ASKS,    /* changes nothing */
    CHANGES, /* refused when read-only */
    OPENS,   /* changes or not, as its flags say: the handler looks */
};

struct request {
    const char *name;      /* as -p, -P and -Q spell it */
    const char *extension; /* the name in EXTENDED; NULL: a type of its own */
    const char *announced; /* in VERSION, when it differs; "": not by itself */
    const char *value;     /* data of the announcement */
    enum request_class class;
    enum sftp_msg msg; /* the fields; of an extension, those behind its name */
    request_handler *handle;
};

/* Types first, in the order of OpenSSH's list, then extensions in the order in
 * which they are announced. */
static const struct request requests[] = {
    {"open", NULL, NULL, NULL, OPENS, SFTP_OPEN, on_open},
    {"close", NULL, NULL, NULL, ASKS, SFTP_CLOSE, on_close},
    {"read", NULL, NULL, NULL, ASKS, SFTP_READ, on_read},
    {"write", NULL, NULL, NULL, CHANGES, SFTP_WRITE, on_write},
    {"lstat", NULL, NULL, NULL, ASKS, SFTP_LSTAT, on_lstat},
    {"fstat", NULL, NULL, NULL, ASKS, SFTP_FSTAT, on_fstat},
    {"setstat", NULL, NULL, NULL, CHANGES, SFTP_SETSTAT, on_setstat},
    {"fsetstat", NULL, NULL, NULL, CHANGES, SFTP_FSETSTAT, on_fsetstat},
    {"opendir", NULL, NULL, NULL, ASKS, SFTP_OPENDIR, on_opendir},
    {"readdir", NULL, NULL, NULL, ASKS, SFTP_READDIR, on_readdir},
    {"remove", NULL, NULL, NULL, CHANGES, SFTP_REMOVE, on_remove},
    {"mkdir", NULL, NULL, NULL, CHANGES, SFTP_MKDIR, on_mkdir},
    {"rmdir", NULL, NULL, NULL, CHANGES, SFTP_RMDIR, on_rmdir},
    {"realpath", NULL, NULL, NULL, ASKS, SFTP_REALPATH, on_realpath},
    {"stat", NULL, NULL, NULL, ASKS, SFTP_STAT, on_stat},
    {"rename", NULL, NULL, NULL, CHANGES, SFTP_RENAME, on_rename},
    {"readlink", NULL, NULL, NULL, ASKS, SFTP_READLINK, on_readlink},
    {"symlink", NULL, NULL, NULL, CHANGES, SFTP_SYMLINK, on_symlink},

    {"posix-rename", "posix-rename@openssh.com", NULL, "1", CHANGES,
     SFTP_EXT_POSIX_RENAME, on_posix_rename},
    {"statvfs", "statvfs@openssh.com", NULL, "2", ASKS, SFTP_EXT_PATH, on_statvfs},
    {"fstatvfs", "fstatvfs@openssh.com", NULL, "2", ASKS, SFTP_EXT_HANDLE, on_fstatvfs},
    {"hardlink", "hardlink@openssh.com", NULL, "1", CHANGES, SFTP_EXT_HARDLINK,
     on_hardlink},
    {"fsync", "fsync@openssh.com", NULL, "1", CHANGES, SFTP_EXT_HANDLE, on_fsync},
    {"lsetstat", "lsetstat@openssh.com", NULL, "1", CHANGES, SFTP_EXT_LSETSTAT,
     on_lsetstat},
    {"limits", "limits@openssh.com", NULL, "1", ASKS, SFTP_MSG_COUNT, on_limits},
    {"expand-path", "expand-path@openssh.com", NULL, "1", ASKS, SFTP_EXT_PATH,
     on_expand_path},
    {"copy-data", "copy-data", NULL, "1", CHANGES, SFTP_EXT_COPY_DATA, on_copy_data},
    {"home-directory", "home-directory", NULL, "1", ASKS, SFTP_EXT_HOME_DIRECTORY,
     on_home_directory},
    {"users-groups-by-id", "users-groups-by-id@openssh.com", NULL, "1", ASKS,
     SFTP_EXT_USERS_GROUPS, on_users_groups},
    {"check-file-name", "check-file-name", "check-file", "1", ASKS, SFTP_EXT_CHECK_FILE,
     on_check_file_name},
    {"check-file-handle", "check-file-handle", "", "1", ASKS, SFTP_EXT_CHECK_FILE,
     on_check_file_handle},
};
_Static_assert(ARRAY_LEN(requests) <= 64, "struct sftp_request_set has 64 bits");

/* ---- sets of requests ---- */

const char *
sftp_request_name(size_t i)
{
    return i < ARRAY_LEN(requests) ? requests[i].name : NULL;
}

static bool
set_add(struct sftp_request_set *set, struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        if (bytes_eq_str(name, requests[i].name)) {
            set->bits |= 1ULL << i;
            return true;
        }
    return false;
}

bool
sftp_requests_of(struct bytes list, struct sftp_request_set *set, struct bytes *unknown)
{
    *set = (struct sftp_request_set){0};
    struct bytes name;
    while (bytes_next_item(&list, &name))
        if (!set_add(set, name)) {
            *unknown = name;
            return false;
        }
    return true;
}

struct sftp_request_set
sftp_requests_except(struct sftp_request_set set)
{
    return (struct sftp_request_set){~set.bits};
}

/* ---- who may ---- */

enum verdict { ALLOWED, DENIED, READ_ONLY, NOT_BUILT_IN };

static enum verdict
judge(const struct sftp_server *s, const struct request *r)
{
    if (r->msg == SFTP_EXT_CHECK_FILE && !s->config.hashes)
        return NOT_BUILT_IN;
    if (s->config.denied.bits >> (r - requests) & 1)
        return DENIED;
    return r->class == CHANGES && s->config.is_read_only ? READ_ONLY : ALLOWED;
}

static enum err
refuse(struct sftp_server *s, uint32_t id, const struct request *r, enum verdict v)
{
    char text[80];
    switch (v) {
    case DENIED:
        snprintf(text, sizeof text, "The request %s is not permitted here", r->name);
        audit_refusal(s, VFS_ERR_REFUSED, text, (struct bytes){0});
        return reply_status(s, id, SSH_FX_PERMISSION_DENIED, text);
    case READ_ONLY:
        audit_refusal(s, VFS_ERR_READ_ONLY, sftp_failure_of(VFS_ERR_READ_ONLY).text,
                      (struct bytes){0});
        return reply_error(s, id, VFS_ERR_READ_ONLY);
    default:
        return reply_status(s, id, SSH_FX_OP_UNSUPPORTED,
                            "This server was started without checksums");
    }
}

void
request_put_extensions(const struct sftp_server *s, struct buf *b)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        const struct request *r = &requests[i];
        const char *name = r->announced ? r->announced : r->extension;
        if (!name || !*name || judge(s, r) != ALLOWED)
            continue;
        put_cstring(b, name);
        put_cstring(b, r->value);
    }
}

/* ---- dispatch ---- */

/* Room for the fields of any request. */
union request_msg {
    struct sftp_msg_open open;
    struct sftp_msg_write write;
    struct sftp_msg_read read;
    struct sftp_msg_setstat setstat;
    struct sftp_msg_rename rename;
    struct sftp_msg_extended extended;
    struct sftp_msg_ext_lsetstat lsetstat;
    struct sftp_msg_ext_copy_data copy_data;
    struct sftp_msg_ext_check_file check_file;
    struct sftp_msg_ext_users_groups users_groups;
};

static const struct request *
find_type(uint8_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        if (!requests[i].extension && sftp_msgs[requests[i].msg].number == type)
            return &requests[i];
    return NULL;
}

static const struct request *
find_extension(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        if (requests[i].extension && bytes_eq_str(name, requests[i].extension))
            return &requests[i];
    return NULL;
}

/* Judge, decode, handle. fields: the cursor before the row's first field. */
static enum err
run(struct sftp_server *s, uint32_t id, const struct request *r, struct cursor fields)
{
    enum verdict v = judge(s, r);
    if (v != ALLOWED)
        return refuse(s, id, r, v);
    union request_msg msg;
    if (r->msg != SFTP_MSG_COUNT && !msg_get(&sftp_msgs[r->msg], &fields, &msg)) {
        char text[80];
        snprintf(text, sizeof text, "The %s request is malformed", r->name);
        return reply_status(s, id, SSH_FX_BAD_MESSAGE, text);
    }
    return r->handle(s, id, &msg);
}

static enum err
run_extension(struct sftp_server *s, uint32_t id, struct cursor fields)
{
    struct sftp_msg_extended msg;
    if (!msg_get(&sftp_msgs[SFTP_EXTENDED], &fields, &msg))
        return reply_status(s, id, SSH_FX_BAD_MESSAGE,
                            "The extended request has no name");
    const struct request *r = find_extension(msg.request);
    if (!r)
        return reply_status(s, id, SSH_FX_OP_UNSUPPORTED,
                            "This server has no extension of that name");
    return run(s, id, r, cursor_of(msg.data));
}

static void
trace_request(struct sftp_server *s, const struct msg_desc *desc, struct bytes payload)
{
    if (!log_wants(s->config.log, TRACE_SFTP))
        return;
    struct buf line;
    buf_init(&line, 1024);
    msg_print_wire(desc, &line, payload);
    log_trace(s->config.log, TRACE_SFTP, "< %.*s", (int)line.n, (const char *)line.p);
    buf_clear(&line);
}

enum err
request_dispatch(struct sftp_server *s, struct bytes payload)
{
    struct cursor c = cursor_of(payload);
    uint8_t type = cursor_u8(&c);
    struct cursor fields = c;
    uint32_t id = cursor_u32(&c);
    if (c.failed)
        return fault_set(&s->fault, ERR_PROTO, 0,
                         "an SFTP request of %zu octets is too short to have an id",
                         payload.n);
    const struct request *r = find_type(type);
    if (r)
        trace_request(s, &sftp_msgs[r->msg], payload);
    else if (type == SSH_FXP_EXTENDED)
        trace_request(s, &sftp_msgs[SFTP_EXTENDED], payload);
    if (type == SSH_FXP_EXTENDED)
        return run_extension(s, id, fields);
    if (r)
        return run(s, id, r, fields);
    char text[80];
    snprintf(text, sizeof text, "This server knows no request of type %u", type);
    return reply_status(s, id, SSH_FX_OP_UNSUPPORTED, text);
}
