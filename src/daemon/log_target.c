/* See log_target.h. */
#include "daemon/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSLOG_SOCKET  "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static enum err
open_file(const char *path, int *fd, struct fault *why)
{
    struct stat st;
    /* O_NONBLOCK: a FIFO without a reader is refused instead of waited for. */
    *fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
               0600);
    if (*fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot open the log %.160s", path);
    if (fstat(*fd, &st) == 0 && !S_ISDIR(st.st_mode))
        return ERR_NONE;
    close(*fd);
    *fd = -1;
    return fault_set(why, ERR_IO, 0, "the log %.160s is no file", path);
}

static bool
open_socket(struct log_target *t)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (t->fd >= 0)
        return true;
    snprintf(to.sun_path, sizeof to.sun_path, "%s", t->address);
    t->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd >= 0 && connect(t->fd, (struct sockaddr *)&to, sizeof to) == 0)
        return true;
    log_target_close(t);
    return false;
}

static enum err
choose(struct log_target *t, const char *target, struct fault *why)
{
    static const struct {
        const char *word, *address;
        enum log_target_kind kind;
    } rows[] = {
        {"stderr", NULL, LOG_TARGET_STDERR},
        {"syslog", SYSLOG_SOCKET, LOG_TARGET_SYSLOG},
        {"journal", JOURNAL_SOCKET, LOG_TARGET_JOURNAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!target || strcmp(target, rows[i].word) == 0) {
            t->kind = rows[i].kind;
            t->address = rows[i].address;
            return ERR_NONE;
        }
    if (target[0] != '/')
        return fault_set(why, ERR_PROTO, 0,
                         "LogTarget \"%.80s\": stderr, syslog, journal or an absolute "
                         "path are possible",
                         target);
    t->kind = LOG_TARGET_FILE;
    t->address = target;
    return ERR_NONE;
}

enum err
log_target_choose(struct log_target *t, enum server_log_style style, const char *target,
                  const char *facility, struct fault *why)
{
    *t = (struct log_target){.style = style, .fd = -1};
    t->facility = log_facility(facility);
    if (t->facility < 0)
        return fault_set(why, ERR_PROTO, 0, "SyslogFacility \"%.40s\" is not known",
                         facility);
    return choose(t, target, why);
}

enum err
log_target_open(struct log_target *t, enum server_log_style style, const char *target,
                const char *facility, struct fault *why)
{
    enum err err = log_target_choose(t, style, target, facility, why);
    if (gethostname(t->host, sizeof t->host - 1) != 0)
        t->host[0] = 0;
    if (err == ERR_NONE && t->kind == LOG_TARGET_FILE)
        err = open_file(t->address, &t->fd, why);
    return err;
}

void
log_target_close(struct log_target *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

enum err
log_target_reopen(struct log_target *t, struct fault *why)
{
    int fd;
    if (t->kind != LOG_TARGET_FILE)
        return ERR_NONE;
    enum err err = open_file(t->address, &fd, why);
    if (err != ERR_NONE)
        return err;
    log_target_close(t);
    t->fd = fd;
    return ERR_NONE;
}

/* A pipe whose reader sleeps is not waited for. */
static bool
write_stderr(struct bytes line)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) &&
           write(STDERR_FILENO, line.p, line.n) > 0;
}

static bool
put_and(struct log_target *t, const struct log_entry *e,
        bool (*send_line)(struct log_target *t, struct bytes line))
{
    struct buf line;
    buf_init(&line, LOG_LINE_OCTETS);
    switch (send_line ? t->kind : LOG_TARGET_STDERR) {
    case LOG_TARGET_SYSLOG:
        log_put_syslog(&line, t->style, t->facility, e);
        break;
    case LOG_TARGET_JOURNAL:
        log_put_journal(&line, t->style, t->facility, e);
        break;
    case LOG_TARGET_STDERR:
    case LOG_TARGET_FILE:
        log_put_line(&line, t->style, e);
        break;
    }
    bool is_done = buf_err(&line) == ERR_NONE;
    if (is_done)
        is_done =
            send_line ? send_line(t, buf_bytes(&line)) : write_stderr(buf_bytes(&line));
    buf_clear(&line);
    return is_done;
}

static bool
send_out(struct log_target *t, struct bytes line)
{
    ssize_t n = write(t->fd, line.p, line.n);
    if (n < 0 && t->kind != LOG_TARGET_FILE && errno != EAGAIN)
        log_target_close(t); /* its reader was restarted: connect again next time */
    return n == (ssize_t)line.n;
}

/* Once each time it happens; later lines speak for themselves. */
static void
tell_fall_back(struct log_target *t, const struct log_entry *e)
{
    struct log_entry about = *e;
    if (t->has_fallen_back)
        return;
    about.level = LOG_LEVEL_WARN;
    about.is_trace = false;
    about.text = "the log's target does not answer; lines go to standard error";
    t->has_fallen_back = put_and(t, &about, NULL);
}

static bool
write_entry(struct log_target *t, const struct log_entry *e)
{
    if (t->kind == LOG_TARGET_STDERR)
        return put_and(t, e, NULL);
    if (t->kind == LOG_TARGET_FILE)
        return put_and(t, e, send_out);
    if (open_socket(t)) {
        bool is_sent = put_and(t, e, send_out);
        t->has_fallen_back &= !is_sent;
        if (t->fd >= 0)
            return is_sent;
    }
    tell_fall_back(t, e);
    return put_and(t, e, NULL);
}

static bool
tell_lost(struct log_target *t, const struct log_entry *e)
{
    char text[64];
    struct log_entry about = *e;
    if (t->n_lost == 0)
        return true;
    snprintf(text, sizeof text, "%u lines of the log were lost", t->n_lost);
    about.level = LOG_LEVEL_WARN;
    about.is_trace = false;
    about.text = text;
    return write_entry(t, &about);
}

void
log_target_write(struct log_target *t, const struct log_entry *entry)
{
    struct log_entry e = *entry;
    e.host = t->host;
    bool is_written = tell_lost(t, &e);
    if (is_written) {
        t->n_lost = 0;
        is_written = write_entry(t, &e);
    }
    if (!is_written)
        t->n_lost++;
}
