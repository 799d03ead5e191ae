/*
 * ferryd audit verify [FILE...]: is the audit log as it was written?
 * ferryd audit tail: its last lines for people, or as they are with --json.
 *
 * Needs no running daemon; reads what the caller may read.
 */
#include "admin/admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/show.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/rand.h"
#include "daemon/audit_verify.h"
#include "daemon/config_files.h"

enum {
    FILES_MAX = 4096, /* rotated files of one log */
    TAIL_LINES = 10,  /* without -n */
    TAIL_LINES_MAX = 100 * 1000,
    TAIL_WINDOW = 256 * 1024, /* octets from the end that are looked at first */
    FOLLOW_MS = 500,
};

/* ---- which file ---- */

/* The configuration's AuditLog; path: PATH_MAX octets. */
static bool
find_log(const struct admin_call *call, char *path)
{
    const char *file = call->config_path ? call->config_path : CONFIG_FILES_DEFAULT;
    struct server_config *config;
    struct server_options options;
    struct fault why = {0};
    const struct config_homes homes = config_homes_of_environment();
    server_options_init(&options);
    if (config_files_load(file, NULL, &homes, &config, &options, &why) != ERR_NONE) {
        admin_fail("%s", why.text);
        server_options_clear(&options);
        return false;
    }
    bool has_log = options.audit_log && strcmp(options.audit_log, "none") != 0 &&
                   strlen(options.audit_log) < PATH_MAX;
    if (has_log)
        snprintf(path, PATH_MAX, "%s", options.audit_log);
    else
        admin_fail("%s: there is no AuditLog", file);
    server_options_clear(&options);
    server_config_free(config);
    return has_log;
}

/* ---- verify ---- */

struct log_file {
    char *path; /* owned */
    int fd;
    uint64_t first_seq; /* of its first sound line */
};

struct log_files {
    struct log_file *files; /* owned */
    size_t n;
};

static void
files_clear(struct log_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->files[i].path);
        close(f->files[i].fd);
    }
    free(f->files);
}

static bool
find_first(void *ctx, struct bytes line)
{
    struct log_file *file = ctx;
    struct audit_tail prev, tail;
    if (audit_open_line(line, &prev, &tail) == ERR_NONE)
        file->first_seq = tail.seq;
    return file->first_seq == 0;
}

static bool
add_file(struct log_files *f, const char *path)
{
    struct log_file file = {.path = strdup(path),
                            .fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    struct log_file *files = reallocarray(f->files, f->n + 1, sizeof *files);
    size_t rest;
    if (files)
        f->files = files;
    if (!file.path || !files || file.fd < 0 || f->n == FILES_MAX) {
        admin_fail("%s: %s", path, file.fd < 0 ? strerror(errno) : "too many files");
        free(file.path);
        if (file.fd >= 0)
            close(file.fd);
        return false;
    }
    /* What cannot be read here fails again, with a sentence, when it is verified. */
    (void)!audit_each_line(file.fd, find_first, &file, &rest);
    lseek(file.fd, 0, SEEK_SET);
    f->files[f->n++] = file;
    return true;
}

/* audit.log, audit.log.1, audit.log-20261122; not what was compressed. */
static bool
is_of_log(const char *name, const char *base)
{
    size_t n = strlen(base);
    const char *dot = strrchr(name, '.');
    bool is_compressed = dot && (strcmp(dot, ".gz") == 0 || strcmp(dot, ".xz") == 0 ||
                                 strcmp(dot, ".bz2") == 0 || strcmp(dot, ".zst") == 0);
    return strncmp(name, base, n) == 0 && !is_compressed &&
           (name[n] == 0 || name[n] == '.' || name[n] == '-');
}

static bool
add_directory(struct log_files *f, const char *path)
{
    char copy[PATH_MAX], base_copy[PATH_MAX], full[PATH_MAX + NAME_MAX + 2];
    snprintf(copy, sizeof copy, "%s", path);
    snprintf(base_copy, sizeof base_copy, "%s", path);
    const char *folder = dirname(copy), *base = basename(base_copy);
    DIR *dir = opendir(folder);
    if (!dir) {
        admin_fail("%s: %s", folder, strerror(errno));
        return false;
    }
    bool is_ok = true;
    struct dirent *entry;
    while (is_ok && (entry = readdir(dir)) != NULL)
        if (is_of_log(entry->d_name, base)) {
            snprintf(full, sizeof full, "%s/%s", folder, entry->d_name);
            is_ok = add_file(f, full);
        }
    closedir(dir);
    return is_ok;
}

static int
compare_files(const void *a, const void *b)
{
    uint64_t x = ((const struct log_file *)a)->first_seq;
    uint64_t y = ((const struct log_file *)b)->first_seq;
    return (x > y) - (x < y);
}

static int
tell_verified(const struct audit_verifier *v)
{
    char hash[65];
    audit_hash_text(v->tail.hash, hash);
    if (v->n_lines == 0) {
        puts("no lines");
        return ADMIN_OK;
    }
    printf("%llu lines, %llu to %llu, each as it was written\n",
           (unsigned long long)v->n_lines, (unsigned long long)v->first_seq,
           (unsigned long long)v->tail.seq);
    if (v->first_seq != 1)
        printf("earlier lines are in files that were not looked at\n");
    if (v->n_recovered != 0)
        printf("%llu lines were torn by a crash and are declared so\n",
               (unsigned long long)v->n_recovered);
    if (v->unfinished != 0)
        printf("%zu octets at the end are no whole line: a crash, or a write just now\n",
               v->unfinished);
    printf("line %llu has hash %s\n", (unsigned long long)v->tail.seq, hash);
    return ADMIN_OK;
}

static int
verify_files(struct log_files *f)
{
    struct audit_verifier v = {0};
    struct fault why = {0};
    qsort(f->files, f->n, sizeof *f->files, compare_files);
    for (size_t i = 0; i < f->n; i++)
        if (audit_verify(&v, f->files[i].fd, f->files[i].path, &why) != ERR_NONE)
            return admin_fail("%s", why.text);
    return tell_verified(&v);
}

static int
run_verify(const struct admin_call *call)
{
    struct log_files f = {0};
    char path[PATH_MAX];
    bool is_ok = true;
    if (call->n_operands == 0)
        is_ok = find_log(call, path) && add_directory(&f, path);
    for (size_t i = 0; is_ok && i < call->n_operands; i++)
        is_ok = add_file(&f, call->operands[i]);
    int status = is_ok ? verify_files(&f) : ADMIN_FAILED;
    files_clear(&f);
    return status;
}

/* ---- tail ---- */

/* The last lines that are wanted, oldest first. */
struct tail {
    const struct admin_call *call;
    char **lines; /* a ring of `wanted`; owned */
    size_t wanted, n;
    bool is_cut; /* the first line of a window is the end of one */
};

static bool
is_wanted(const struct admin_call *call, struct bytes line)
{
    struct buf user;
    if (!call->user)
        return true;
    buf_init(&user, 1024);
    bool is_same =
        json_get_text(line, "user", &user) && bytes_eq_str(buf_bytes(&user), call->user);
    buf_clear(&user);
    return is_same;
}

/* "key=" is left out for the fields that speak for themselves. */
static void
put_field(struct buf *out, struct bytes line, const char *key, const char *before)
{
    struct buf value;
    uint64_t number;
    buf_init(&value, AUDIT_LINE_MAX);
    if (json_get_text(line, key, &value)) {
        buf_put_str(out, before);
        text_escape(out, buf_bytes(&value), 0);
    } else if (json_get_number(line, key, &number)) {
        buf_printf(out, "%s%llu", before, (unsigned long long)number);
    }
    buf_clear(&value);
}

static void
put_line(struct buf *out, struct bytes line)
{
    static const struct {
        const char *key, *before;
    } fields[] = {
        {"time", ""},         {"t", " "},
        {"user", " "},        {"address", " "},
        {"method", " "},      {"key", " "},
        {"path", " "},        {"other", " -> "},
        {"read", " read="},   {"written", " written="},
        {"torn", " octets="}, {"lines", " lines="},
        {"result", " "},      {"error", ": "},
        {"text", ": "},
    };
    if (!json_is_flat_object(line)) {
        buf_put_str(out, "(torn) ");
        text_escape(out, line, 200);
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        put_field(out, line, fields[i].key, fields[i].before);
    buf_put_u8(out, '\n');
}

static bool
print_line(const struct admin_call *call, struct bytes line)
{
    struct buf out;
    buf_init(&out, 8 * AUDIT_LINE_MAX);
    if (call->is_json) {
        buf_put(&out, line);
        buf_put_u8(&out, '\n');
    } else {
        put_line(&out, line);
    }
    bool is_ok = show_print(&out);
    buf_clear(&out);
    return is_ok;
}

static bool
keep_line(void *ctx, struct bytes line)
{
    struct tail *t = ctx;
    bool is_rest = t->is_cut;
    t->is_cut = false;
    if (is_rest || !is_wanted(t->call, line))
        return true;
    char **place = &t->lines[t->n++ % t->wanted];
    free(*place);
    *place = strndup((const char *)line.p, line.n);
    return *place != NULL;
}

static void
forget_lines(struct tail *t)
{
    for (size_t i = 0; i < t->wanted; i++) {
        free(t->lines[i]);
        t->lines[i] = NULL;
    }
    t->n = 0;
}

/* Look at ever more of the file's end until there are enough lines. *rest: octets behind
 * the last line. */
static enum err
collect(struct tail *t, int fd, off_t size, size_t *rest)
{
    for (off_t window = TAIL_WINDOW;; window *= 8) {
        off_t start = window < size ? size - window : 0;
        forget_lines(t);
        t->is_cut = start != 0;
        lseek(fd, start, SEEK_SET);
        enum err err = audit_each_line(fd, keep_line, t, rest);
        if (err != ERR_NONE || start == 0 || t->n >= t->wanted)
            return err;
    }
}

static bool
print_collected(const struct tail *t)
{
    size_t n = t->n < t->wanted ? t->n : t->wanted;
    bool is_ok = true;
    for (size_t i = t->n - n; is_ok && i < t->n; i++)
        is_ok = print_line(t->call, bytes_str(t->lines[i % t->wanted]));
    return is_ok;
}

static bool
print_new(void *ctx, struct bytes line)
{
    const struct admin_call *call = ctx;
    return !is_wanted(call, line) || print_line(call, line);
}

/* The file at path is not the one that fd is of: it was rotated. */
static bool
was_rotated(const char *path, int fd)
{
    struct stat named, ours;
    return stat(path, &named) == 0 && fstat(fd, &ours) == 0 &&
           (named.st_ino != ours.st_ino || named.st_dev != ours.st_dev);
}

/* Until somebody ends us, or standard output is gone. */
static int
follow(const struct admin_call *call, const char *path, int *fd, size_t rest)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};
    for (;;) {
        bool is_last = was_rotated(path, *fd); /* asked before the rest is read */
        lseek(*fd, -(off_t)rest, SEEK_CUR);
        if (audit_each_line(*fd, print_new, (void *)(uintptr_t)call, &rest) != ERR_NONE)
            return admin_fail("cannot read %s", path);
        if (is_last) {
            int next = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
            if (next < 0)
                return admin_fail("%s: %s", path, strerror(errno));
            close(*fd);
            *fd = next;
            rest = 0;
        }
        if (poll(&reader, 1, FOLLOW_MS) > 0 && (reader.revents & (POLLERR | POLLHUP)))
            return ADMIN_OK;
    }
}

static bool
parse_count(const char *text, size_t *count)
{
    char *end;
    *count = TAIL_LINES;
    if (!text)
        return true;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    *count = (size_t)n;
    return text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0 && n >= 1 &&
           n <= TAIL_LINES_MAX;
}

static int
show_tail(const struct admin_call *call, const char *path, struct tail *t)
{
    struct stat st;
    size_t rest = 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int status = admin_fail("%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    int status = ADMIN_OK;
    if (collect(t, fd, st.st_size, &rest) != ERR_NONE)
        status = admin_fail("%s cannot be read as an audit log", path);
    else if (!print_collected(t))
        status = ADMIN_FAILED;
    else if (call->is_following)
        status = follow(call, path, &fd, rest);
    close(fd);
    return status;
}

static int
run_tail(const struct admin_call *call)
{
    char path[PATH_MAX];
    struct tail t = {.call = call};
    if (!parse_count(call->count, &t.wanted))
        return admin_misused(call, "-n: a number from 1 to %d", TAIL_LINES_MAX);
    if (call->n_operands != 0)
        snprintf(path, sizeof path, "%s", call->operands[0]);
    else if (!find_log(call, path))
        return ADMIN_FAILED;
    t.lines = calloc(t.wanted, sizeof *t.lines);
    if (!t.lines)
        return admin_fail("out of memory");
    int status = show_tail(call, path, &t);
    forget_lines(&t);
    free(t.lines);
    return status;
}

/* ---- the command ---- */

static const struct admin_option tail_options[] = {
    {"lines", 'n', "N", ADMIN_TEXT, offsetof(struct admin_call, count),
     "how many of the last lines (default 10)"},
    {"follow", 'f', NULL, ADMIN_FLAG, offsetof(struct admin_call, is_following),
     "go on with what is written from now on"},
    ADMIN_TEXT_AT("user", "NAME", user, "only what this account did"),
    ADMIN_FLAG_AT("json", is_json, "the lines as they are"),
    {0},
};

static const struct admin_verb verbs[] = {
    {"audit", "verify", "[FILE...]",
     "check that no line was changed or left out, rotated files included", NULL, 0,
     FILES_MAX, run_verify},
    {"audit", "tail", "[FILE]", "show the last lines", tail_options, 0, 1, run_tail},
};

int
admin_audit(int argc, char **argv, const char *config_path)
{
    if (crypto_init() != ERR_NONE) /* the chain is hashed */
        return admin_fail("%s cannot be used", crypto_version());
    return admin_run_verb(verbs, ARRAY_LEN(verbs), argc, argv, config_path);
}
