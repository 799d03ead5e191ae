/* See audit_record.h. */
#include "daemon/audit_record.h"

#include <stdio.h>

#include "base/json.h"
#include "daemon/log_format.h"
#include "vfs/vfs.h"

enum {
    HAS_LOGIN = 1 << 0, /* method and key */
    HAS_PATH = 1 << 1,
    HAS_OTHER = 1 << 2,
    HAS_OCTETS = 1 << 3, /* of a file or a session */
    HAS_TIME = 1 << 4,   /* how long it took */
    HAS_SIZE = 1 << 5,
};

static const struct {
    const char *word;
    unsigned has;
} kinds[] = {
    [RECORD_LOGIN] = {"login", HAS_LOGIN | HAS_TIME},
    [RECORD_LOGIN_FAILED] = {"login-failed", HAS_LOGIN | HAS_TIME},
    [RECORD_LOGOUT] = {"logout", HAS_OCTETS | HAS_TIME},
    [RECORD_UPLOAD_INTENT] = {"upload", HAS_PATH | HAS_OCTETS | HAS_TIME | HAS_SIZE},
    [RECORD_UPLOAD] = {"upload", HAS_PATH | HAS_OCTETS | HAS_TIME | HAS_SIZE},
    [RECORD_UPLOAD_FAILED] = {"upload-failed",
                              HAS_PATH | HAS_OCTETS | HAS_TIME | HAS_SIZE},
    [RECORD_DOWNLOAD] = {"download", HAS_PATH | HAS_OCTETS | HAS_TIME | HAS_SIZE},
    [RECORD_REMOVE] = {"remove", HAS_PATH},
    [RECORD_RENAME] = {"rename", HAS_PATH | HAS_OTHER},
    [RECORD_MKDIR] = {"mkdir", HAS_PATH},
    [RECORD_RMDIR] = {"rmdir", HAS_PATH},
    [RECORD_QUOTA] = {"quota", HAS_PATH | HAS_OCTETS},
    [RECORD_REFUSED] = {"refused", HAS_PATH | HAS_OTHER},
};

const char *
record_word(uint32_t kind)
{
    return kind < ARRAY_LEN(kinds) ? kinds[kind].word : NULL;
}

/* Texts that are not known are left out. */
static void
put_known(struct buf *out, const char *key, const char *text)
{
    if (text[0])
        json_text(out, key, bytes_str(text));
}

static void
put_seconds(struct buf *out, uint64_t milliseconds)
{
    buf_printf(out, ",\"seconds\":%llu.%03u", (unsigned long long)milliseconds / 1000,
               (unsigned)(milliseconds % 1000));
}

static void
put_sha256(struct buf *out, const uint8_t digest[32])
{
    buf_put_str(out, ",\"sha256\":\"");
    for (size_t i = 0; i < 32; i++)
        buf_printf(out, "%02x", digest[i]);
    buf_put_u8(out, '"');
}

/* Names of errno, which are the same in every language; words for those of vfs. */
static const char *
error_name(uint32_t error, char room[24])
{
    static const char *const vfs_words[] = {
        "escapes",   "special", "pseudo",        "mode-bits", "owner",
        "read-only", "rule",    "being-written", "hole",      "no-inodes",
    };
    const char *name = error < VFS_ERR_ESCAPES ? strerrorname_np((int)error) : NULL;
    if (error >= VFS_ERR_ESCAPES && error - VFS_ERR_ESCAPES < ARRAY_LEN(vfs_words))
        name = vfs_words[error - VFS_ERR_ESCAPES];
    if (name)
        return name;
    snprintf(room, 24, "%u", error);
    return room;
}

static void
put_result(struct buf *out, const struct record *r)
{
    char room[24];
    bool is_refusal = r->kind == RECORD_LOGIN_FAILED || r->kind == RECORD_UPLOAD_FAILED ||
                      r->kind == RECORD_QUOTA || r->kind == RECORD_REFUSED;
    json_text(out, "result", bytes_str(r->error || is_refusal ? "failed" : "ok"));
    if (r->error)
        json_text(out, "error", bytes_str(error_name(r->error, room)));
    put_known(out, "text", r->text);
}

static void
put_peer(struct buf *out, const struct record *r)
{
    json_number(out, "connection", r->connection);
    put_known(out, "user", r->user);
    put_known(out, "address", r->address);
    if (r->port)
        json_number(out, "port", r->port);
    put_known(out, "client", r->client);
}

void
record_put(struct buf *out, const struct record *r, struct timespec time)
{
    unsigned has = r->kind < ARRAY_LEN(kinds) ? kinds[r->kind].has : 0;
    buf_put_str(out, ",\"time\":\"");
    log_put_time(out, time);
    buf_put_u8(out, '"');
    put_peer(out, r);
    if (has & HAS_LOGIN) {
        put_known(out, "method", r->method);
        put_known(out, "key", r->key);
    }
    if (has & HAS_PATH)
        json_text(out, "path", bytes_of(r->path, r->path_len));
    if (has & HAS_OTHER && r->other_len != 0)
        json_text(out, "other", bytes_of(r->other, r->other_len));
    if (has & HAS_OCTETS) {
        json_number(out, "read", r->octets_read);
        json_number(out, "written", r->octets_written);
    }
    if (has & HAS_SIZE)
        json_number(out, "size", r->size);
    if (has & HAS_TIME)
        put_seconds(out, r->milliseconds);
    if (r->has_sha256)
        put_sha256(out, r->sha256);
    put_result(out, r);
}
