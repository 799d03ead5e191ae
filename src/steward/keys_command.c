/* See keys_command.h. */
#include "steward/keys_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/words.h"
#include "daemon/tokens.h"
#include "key/authorized_keys.h"
#include "key/fingerprint.h"
#include "key/key_type.h"
#include "key/pubkey_line.h"

/* ---- what is run ---- */

/* %t %k %f of the key; sshd_config(5) TOKENS. */
struct key_texts {
    struct buf line, print;
    const char *type, *blob; /* within line */
};

static void
key_texts_clear(struct key_texts *t)
{
    buf_clear(&t->line);
    buf_clear(&t->print);
}

static enum err
key_texts_make(const struct steward_key *q, struct key_texts *t)
{
    struct bytes blob = bytes_of(q->blob, q->blob_len);
    *t = (struct key_texts){0};
    buf_init(&t->line, PUBKEY_LINE_MAX);
    buf_init(&t->print, 128);
    pubkey_line_put(blob, (struct bytes){0}, &t->line);
    enum err err = fingerprint_put(FINGERPRINT_SHA256, blob, &t->print);
    char *text = (char *)(uintptr_t)buf_cstr(&t->line);
    char *blank = text ? strchr(text, ' ') : NULL;
    if (err != ERR_NONE || !blank || !buf_cstr(&t->print))
        return ERR_AUTH;
    *blank = 0;
    t->type = text;
    t->blob = blank + 1;
    return ERR_NONE;
}

/* Its words with their tokens replaced: arguments, each NUL-terminated, in one
 * buffer. A token can't make two words of one: it is replaced afterwards. */
static enum err
expand_words(const struct system_keys *k, const struct words *words, struct buf *out,
             size_t at[KEYS_COMMAND_WORDS], struct fault *why)
{
    struct key_texts key;
    enum err err = key_texts_make(k->q, &key);
    if (err != ERR_NONE) {
        key_texts_clear(&key);
        return fault_set(why, err, 0, "the key cannot be written as text");
    }
    const struct token tokens[] = {
        {'u', k->user.name}, {'h', k->user.home}, {'U', k->uid},
        {'t', key.type},     {'k', key.blob},     {'f', (const char *)key.print.p},
    };
    for (size_t i = 0; i < words->n && err == ERR_NONE; i++) {
        at[i] = out->n;
        err = tokens_expand(words_at(words, i), tokens, ARRAY_LEN(tokens), out, why);
        buf_put_u8(out, 0);
    }
    key_texts_clear(&key);
    return err ? err : buf_err(out);
}

/* As for key files: nobody but root may be able to exchange the program. */
static enum err
check_program(const char *path, struct fault *why)
{
    struct stat st;
    char real[PATH_MAX];
    if (path[0] != '/' || !realpath(path, real) || stat(real, &st) != 0)
        return fault_errno(why, ERR_AUTH, path[0] == '/' ? errno : 0,
                           "%.120s: not a program with an absolute path", path);
    if (!S_ISREG(st.st_mode))
        return fault_set(why, ERR_AUTH, 0, "%.120s: not a regular file", path);
    for (;;) {
        bool is_ours = st.st_uid == 0 || st.st_uid == geteuid();
        bool is_open = (st.st_mode & 022) != 0 && !(st.st_mode & S_ISVTX);
        if (!is_ours || is_open)
            return fault_set(why, ERR_AUTH, 0, "%.120s: others may change it", real);
        char *slash = strrchr(real, '/');
        if (!slash || !real[1])
            return ERR_NONE;
        slash[slash == real] = 0;
        if (stat(real, &st) != 0)
            return fault_errno(why, ERR_AUTH, errno, "%.120s", real);
    }
}

/* ---- running ---- */

/* In the child; never returns. The output goes to fd. */
static _Noreturn void
become_program(const struct identity *as, char *const argv[], int fd)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char *const environment[] = {path, NULL};
    struct fault why = {0};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(null, 2) < 0)
        _exit(126);
    if (geteuid() == 0 && identity_take(as, &why) != ERR_NONE)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* behind setresuid, which forgets it */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_close_range, 3, ~0U, 0) != 0 || chdir("/") != 0)
        _exit(126);
    execve(argv[0], argv, environment);
    _exit(127);
}

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum err
read_output(int fd, struct buf *text, struct fault *why)
{
    int64_t until = now_ms() + KEYS_COMMAND_MS;
    for (;;) {
        uint8_t chunk[4096];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until - now_ms();
        if (left <= 0 || poll(&p, 1, (int)left) == 0)
            return fault_set(why, ERR_LIMIT, 0, "it took too long");
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_errno(why, ERR_IO, errno, "reading its output");
        if (n == 0)
            return ERR_NONE;
        buf_put(text, bytes_of(chunk, (size_t)n));
        if (buf_err(text) != ERR_NONE)
            return fault_set(why, ERR_LIMIT, 0, "it printed too much");
    }
}

/* Its own time is over with its output; what it does then nobody waits for. */
static enum err
await(pid_t pid, enum err err, struct fault *why)
{
    int status = 0;
    if (err != ERR_NONE)
        kill(pid, SIGKILL);
    for (int64_t until = now_ms() + KEYS_COMMAND_MS;
         waitpid(pid, &status, WNOHANG) == 0;) {
        struct timespec pause = {.tv_nsec = 2000000};
        if (now_ms() > until)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
    if (err == ERR_NONE && status != 0)
        return fault_set(why, ERR_AUTH, 0, "it ended with status %d",
                         WIFEXITED(status) ? WEXITSTATUS(status)
                                           : 128 + WTERMSIG(status));
    return err;
}

static enum err
run_as(const struct identity *as, char *const argv[], struct buf *text, struct fault *why)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return fault_errno(why, ERR_IO, errno, "pipe");
    pid_t pid = fork();
    if (pid == 0)
        become_program(as, argv, fds[1]);
    close(fds[1]);
    enum err err = pid < 0 ? fault_errno(why, ERR_IO, errno, "fork")
                           : read_output(fds[0], text, why);
    close(fds[0]);
    return pid < 0 ? err : await(pid, err, why);
}

static enum err
run_words(const struct system_keys *k, struct words *words, struct buf *text,
          struct fault *why)
{
    size_t at[KEYS_COMMAND_WORDS];
    char *argv[KEYS_COMMAND_WORDS + 2] = {0};
    struct buf expanded;
    struct identity as;
    if (!system_account_find(k->q->rules.keys_command_user, &as))
        return fault_set(why, ERR_AUTH, 0, "AuthorizedKeysCommandUser: no such user");
    if (words->n == 0 || words->n > KEYS_COMMAND_WORDS)
        return fault_set(why, ERR_AUTH, 0, "no command, or too many words");
    enum err err = check_program(words_at(words, 0), why);
    buf_init(&expanded, 4 * KEY_BLOB_MAX);
    if (err == ERR_NONE)
        err = expand_words(k, words, &expanded, at, why);
    for (size_t i = 0; err == ERR_NONE && i < words->n; i++)
        argv[i] = (char *)expanded.p + at[i];
    if (err == ERR_NONE && words->n == 1) /* as sshd: the name, when nothing is said */
        argv[1] = (char *)(uintptr_t)k->user.name;
    if (err == ERR_NONE)
        err = run_as(&as, argv, text, why);
    buf_clear(&expanded);
    return err;
}

enum err
keys_command_run(const struct system_keys *k, struct buf *text, struct fault *why)
{
    struct words words;
    const char *reason = NULL;
    words_init(&words);
    enum err err = words_split(&words, bytes_str(k->q->rules.keys_command), &reason);
    err = err ? fault_set(why, err, 0, "%s", reason ? reason : err_name(err))
              : run_words(k, &words, text, why);
    words_clear(&words);
    return err;
}
