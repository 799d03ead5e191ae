/* What an SFTP server asks of its session, and what it reports; see
 * session_impl.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/session_impl.h"
#include "daemon/sftp_hashes.h"
#include "sftp/failure.h"

/* ---- names and times ---- */

static int64_t
host_now(void *ctx)
{
    (void)ctx;
    return time(NULL);
}

static bool
host_local_time(void *ctx, int64_t seconds, struct tm *tm)
{
    (void)ctx;
    time_t t = (time_t)seconds;
    return localtime_r(&t, tm) != NULL; /* the zone was read before the sandbox */
}

static bool
ask_name(struct session *s, bool is_group, uint32_t id, char name[SFTP_OWNER_MAX + 1])
{
    const struct monitor_name_request r = {
        .op = MONITOR_NAME, .is_group = is_group, .id = id};
    if (monitor_put(&s->monitor, &r, sizeof r) != ERR_NONE)
        return false;
    size_t n = strnlen(s->monitor.reply.name, MONITOR_NAME_MAX);
    if (n == 0 || n > SFTP_OWNER_MAX)
        return false;
    memcpy(name, s->monitor.reply.name, n);
    name[n] = 0;
    return true;
}

/* A virtual account is told of nobody but itself (threats P13). */
static bool
host_user_name(void *ctx, uint32_t uid, char name[SFTP_OWNER_MAX + 1])
{
    struct session *s = ctx;
    if (!s->grant.is_virtual)
        return ask_name(s, false, uid, name);
    if (uid != geteuid())
        return false;
    snprintf(name, SFTP_OWNER_MAX + 1, "%.*s", SFTP_OWNER_MAX, s->grant.user);
    return true;
}

static bool
host_group_name(void *ctx, uint32_t gid, char name[SFTP_OWNER_MAX + 1])
{
    struct session *s = ctx;
    return !s->grant.is_virtual && ask_name(s, true, gid, name);
}

/* ---- what is reported ---- */

static const char *const done_words[] = {
    [SFTP_AUDIT_REMOVE] = "removed \"",       [SFTP_AUDIT_RENAME] = "renamed \"",
    [SFTP_AUDIT_MKDIR] = "made directory \"", [SFTP_AUDIT_RMDIR] = "removed directory \"",
    [SFTP_AUDIT_QUOTA] = "refused at \"",     [SFTP_AUDIT_REFUSED] = "refused at \"",
};

static void
put_request(struct buf *text, const struct sftp_audit *use)
{
    buf_put_str(text, done_words[use->kind]);
    text_escape(text, use->path, 400);
    if (use->other.n != 0) {
        buf_put_str(text, "\" to \"");
        text_escape(text, use->other, 400);
    }
    buf_put_str(text, "\"");
}

static void
put_file(struct buf *text, const struct sftp_audit *use)
{
    buf_put_str(text, use->flags & VFS_WRITE ? "wrote \"" : "read \"");
    text_escape(text, use->path, 600);
    buf_printf(text, "\": %llu octets read, %llu written, %lld s",
               (unsigned long long)use->n_read, (unsigned long long)use->n_written,
               (long long)use->seconds);
    if (use->was_left_open)
        buf_put_str(text, ", left open");
}

/* One line a file, when it is closed, or a request that changed something; never one
 * a READ (threats G1). */
static void
log_use(struct session *s, const struct sftp_audit *use)
{
    struct buf text;
    buf_init(&text, 2048);
    if (use->kind >= SFTP_AUDIT_REMOVE && use->kind <= SFTP_AUDIT_REFUSED)
        put_request(&text, use);
    else
        put_file(&text, use);
    if (use->error)
        buf_printf(&text, ", failed: %s",
                   use->text && use->text[0] ? use->text
                                             : sftp_failure_of(use->error).text);
    const char *line = buf_cstr(&text);
    if (line)
        log_line(&s->config->log->sink, LOG_LEVEL_INFO, "%s", line);
    buf_clear(&text);
}

static uint32_t
put_path(uint8_t room[RECORD_PATH_MAX], struct bytes path)
{
    size_t n = path.n < RECORD_PATH_MAX ? path.n : RECORD_PATH_MAX;
    if (n != 0)
        memcpy(room, path.p, n);
    return (uint32_t)n;
}

static void
write_down(struct session *s, const struct sftp_audit *use)
{
    struct monitor_record m = {.op = MONITOR_RECORD};
    struct record *r = &m.record;
    r->kind = (uint32_t)use->kind;
    r->path_len = put_path(r->path, use->path);
    r->other_len = put_path(r->other, use->other);
    r->octets_read = use->n_read;
    r->octets_written = use->n_written;
    r->size = use->size;
    r->inode = use->ino;
    r->device = use->dev;
    r->milliseconds = (uint64_t)(use->seconds > 0 ? use->seconds : 0) * 1000;
    r->has_sha256 = use->has_sha256;
    memcpy(r->sha256, use->sha256, sizeof r->sha256);
    r->error = (uint32_t)use->error;
    snprintf(r->text, sizeof r->text, "%s", use->text ? use->text : "");
    if (monitor_put(&s->monitor, &m, sizeof m) != ERR_NONE)
        log_line(&s->config->log->sink, LOG_LEVEL_ERROR,
                 "the monitor did not write down what was done");
}

static void
on_use(void *ctx, const struct sftp_audit *use)
{
    struct session *s = ctx;
    if (use->kind == SFTP_AUDIT_LISTING)
        return;
    log_use(s, use);
    write_down(s, use);
}

/* -P of internal-sftp, and what its -p leaves out. The lists were checked when the
 * configuration was read; a name that is none denies nothing. */
static struct sftp_request_set
denied_requests(const struct session *s)
{
    struct sftp_request_set denied = {0}, allowed = {0};
    struct bytes unknown;
    if (!sftp_requests_of(bytes_str(s->grant.denied_requests), &denied, &unknown) ||
        !sftp_requests_of(bytes_str(s->grant.allowed_requests), &allowed, &unknown))
        log_line(&s->config->log->sink, LOG_LEVEL_WARN, "no such request: \"%.*s\"",
                 (int)(unknown.n < 60 ? unknown.n : 60), (const char *)unknown.p);
    if (s->grant.allowed_requests[0])
        denied.bits |= sftp_requests_except(allowed).bits;
    return denied;
}

void
session_wire_up(struct session *s)
{
    s->host = (struct sftp_host){
        .now = host_now,
        .local_time = host_local_time,
        .user_name = host_user_name,
        .group_name = host_group_name,
        .ctx = s,
    };
    s->sftp = (struct sftp_server_config){
        .home = s->grant.home,
        .user = s->grant.user,
        .peer_software = conn_peer_software(s->conn),
        .is_read_only = s->grant.is_read_only != 0,
        .denied = denied_requests(s),
        .hashes_uploads = s->grant.is_virtual,
        .rand = &rand_system,
        .host = &s->host,
        .hashes = &sftp_hashes,
        .log = &s->config->log->sink,
        .audit = on_use,
        .audit_ctx = s,
    };
    s->channels.config = &s->sftp;
    s->channels.log = &s->config->log->sink;
}

/* The file in hand changes seldom, its offset with every turn. */
static void
show_file(struct session *s, const struct sftp_current *c)
{
    struct bytes shown = bytes_of(s->page->path, s->page->path_len);
    bool is_same =
        c->flags == atomic_load(&s->page->file_flags) &&
        bytes_eq(
            bytes_first(c->path, c->path.n < BOARD_PATH_MAX ? c->path.n : BOARD_PATH_MAX),
            shown);
    if (c->flags == 0)
        board_clear_file(s->page);
    else if (!is_same)
        board_set_file(s->page, c->path, c->flags, c->size);
    atomic_store(&s->page->file_offset, c->offset);
}

void
session_show(struct session *s)
{
    struct sftp_current c;
    sftp_channels_current(&s->channels, &c);
    atomic_store(&s->page->octets_in, c.octets_in);
    atomic_store(&s->page->octets_out, c.octets_out);
    atomic_store(&s->page->n_requests, c.n_requests);
    atomic_store(&s->page->n_files, c.n_files);
    show_file(s, &c);
}

void
session_leave(struct session *s)
{
    (void)!monitor_put_op(&s->monitor, MONITOR_LEAVE); /* it learns of our end anyway */
}
