/*
 * For tests: a directory of its own, a database in it, keys, and a steward that was
 * started as ferryd starts it, with the monitor's client at the other end.
 */
#ifndef FERRY_STEWARD_DESK_TEST_H
#define FERRY_STEWARD_DESK_TEST_H

#include "base/base_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "account/member.h"
#include "account/password.h"
#include "account/store.h"
#include "account/totp.h"
#include "crypto/algos.h"
#include "crypto/rand.h"
#include "daemon/steward.h"
#include "key/authorized_keys.h"
#include "key/key_type.h"
#include "key/pubkey_line.h"
#include "ssh/conn.h"
#include "steward/process.h"

enum { DESK_WAIT_MS = 60000, DESK_LOG_MAX = 65536 };

struct desk {
    char dir[64], database[96];
    struct store *store; /* open until the steward starts */
    pid_t pid;
    struct steward_client *client;
    struct log_sink log;
    char said[DESK_LOG_MAX]; /* everything logged */
    union {
        struct steward_head head;
        struct steward_facts facts;
        struct steward_answer answer;
        struct steward_quota_answer quota;
        struct steward_names_answer names;
    } last; /* of desk_ask */
};

static inline void
desk_hear(void *ctx, enum log_level level, const char *text)
{
    struct desk *d = ctx;
    size_t n = strlen(d->said);
    (void)level;
    snprintf(d->said + n, sizeof d->said - n, "%s\n", text);
}

static inline void
desk_open_store(struct desk *d)
{
    struct fault why = {0};
    if (store_open(d->database, STORE_CREATE, &d->store, &why) != ERR_NONE)
        fail_msg("%s", why.text);
}

static inline int
desk_make(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    if (!d || crypto_init() != ERR_NONE)
        return -1;
    snprintf(d->dir, sizeof d->dir, "/tmp/ferry-steward-test-XXXXXX");
    if (!mkdtemp(d->dir))
        return -1;
    snprintf(d->database, sizeof d->database, "%s/db/accounts.db", d->dir);
    d->log = (struct log_sink){.line = desk_hear, .ctx = d};
    desk_open_store(d);
    *state = d;
    return 0;
}

static inline void
desk_stop(struct desk *d)
{
    steward_client_free(d->client); /* the end of the pair: the steward ends */
    d->client = NULL;
    for (int i = 0; d->pid > 0 && waitpid(d->pid, NULL, WNOHANG) == 0; i++) {
        if (i == 500)
            kill(d->pid, SIGKILL);
        usleep(10000);
    }
    d->pid = 0;
}

static inline int
desk_remove(void **state)
{
    struct desk *d = *state;
    char command[128];
    desk_stop(d);
    store_close(d->store);
    snprintf(command, sizeof command, "rm -rf '%s'", d->dir);
    if (system(command) != 0) /* lint: the test's own directory */
        return -1;
    free(d);
    return 0;
}

/* ---- accounts ---- */

static inline struct account_record
desk_add(struct desk *d, const char *name)
{
    struct account_record r;
    struct fault why = {0};
    account_record_init(&r, STORE_ACCOUNT, name);
    snprintf(r.root, sizeof r.root, "/srv/%%u");
    if (store_add(d->store, &r, 1000, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    return r;
}

static inline void
desk_set_password(struct desk *d, const struct account_record *r, const char *password)
{
    char hash[ACCOUNT_HASH_MAX + 1];
    struct fault why = {0};
    assert_int_equal(password_hash(bytes_str(password), &rand_system, hash), ERR_NONE);
    if (store_password_set(d->store, r->id, hash, 1000, &why) != ERR_NONE)
        fail_msg("%s", why.text);
}

static inline struct privkey *
desk_key(void)
{
    struct privkey *key = NULL;
    assert_int_equal(privkey_generate(KEY_ED25519, 0, &key), ERR_NONE);
    return key;
}

/* "OPTIONS ssh-ed25519 AAAA..." of a key. */
static inline void
desk_line(const struct privkey *key, const char *options, char *line, size_t size)
{
    struct buf text;
    buf_init(&text, size - 1);
    buf_put_str(&text, options);
    buf_put_str(&text, options[0] ? " " : "");
    pubkey_line_put(pubkey_blob(privkey_public(key)), (struct bytes){0}, &text);
    assert_non_null(buf_cstr(&text));
    snprintf(line, size, "%s", (const char *)text.p);
    buf_clear(&text);
}

static inline void
desk_add_key(struct desk *d, const struct account_record *r, const struct privkey *key,
             const char *options)
{
    char line[4096], print[32];
    struct fault why = {0};
    static unsigned n;
    snprintf(print, sizeof print, "SHA256:%u", ++n);
    desk_line(key, options, line, sizeof line);
    if (store_key_add(d->store, r->id, bytes_str(line), print, 1000, &why) != ERR_NONE)
        fail_msg("%s", why.text);
}

/* ---- the steward ---- */

static inline void
desk_start_with(struct desk *d, const char *pam)
{
    int fds[2];
    char fd[16];
    store_close(d->store);
    d->store = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    snprintf(fd, sizeof fd, "%d", fds[1]);
    const char *argv[] = {"steward",   "--fd",  fd,  "--database",
                          d->database, "--pam", pam, NULL};
    fflush(NULL);
    d->pid = fork();
    if (d->pid == 0) {
        close(fds[0]);
        _exit(steward_command(pam ? 7 : 5, (char **)(uintptr_t)argv));
    }
    close(fds[1]);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    assert_int_equal(steward_client_new(fds[0], &d->log, &d->client), ERR_NONE);
}

/* The next answer, whatever it answers, into d->last. */
static inline void
desk_next(struct desk *d)
{
    const struct steward_head *answer;
    struct pollfd p = {.fd = steward_client_fd(d->client)};
    for (;;) {
        enum err err = steward_client_next(d->client, &answer);
        if (err == ERR_NONE)
            break;
        if (err != ERR_LIMIT)
            fail_msg("the steward is gone: %s\n%s", err_name(err), d->said);
        p.events = steward_client_events(d->client);
        if (poll(&p, 1, DESK_WAIT_MS) != 1)
            fail_msg("no answer in time\n%s", d->said);
        assert_int_equal(steward_client_flush(d->client), ERR_NONE);
    }
    memcpy(&d->last, answer, steward_answer_size(answer->op));
}

static inline void
desk_start(struct desk *d)
{
    desk_start_with(d, NULL);
    desk_next(d);
    assert_int_equal(d->last.head.op, STEWARD_READY);
    if (d->last.head.verdict != STEWARD_YES)
        fail_msg("%s", d->last.answer.text);
}

/* Put a question and take its answer into d->last. */
static inline enum steward_verdict
desk_ask(struct desk *d, struct steward_head *question)
{
    uint64_t id;
    assert_int_equal(steward_client_ask(d->client, question, 7, &id), ERR_NONE);
    do
        desk_next(d);
    while (d->last.head.id != id);
    assert_int_equal(d->last.head.mark, 7);
    assert_int_equal(d->last.head.op, question->op);
    return (enum steward_verdict)d->last.head.verdict;
}

static inline struct steward_who
desk_who(enum steward_kind kind, const char *user)
{
    struct steward_who who = {.kind = kind, .address = "192.0.2.7"};
    snprintf(who.user, sizeof who.user, "%s", user);
    return who;
}

static inline enum steward_verdict
desk_lookup(struct desk *d, uint32_t accounts, const char *user)
{
    struct steward_lookup q = {.head.op = STEWARD_LOOKUP,
                               .accounts = accounts,
                               .who = desk_who(STEWARD_NOBODY, user)};
    return desk_ask(d, &q.head);
}

static inline void
desk_password_question(struct steward_password *q, enum steward_kind kind,
                       const char *user, const char *password)
{
    *q = (struct steward_password){.head.op = STEWARD_PASSWORD,
                                   .who = desk_who(kind, user)};
    q->password_len = (uint32_t)strlen(password);
    memcpy(q->password, password, q->password_len);
}

static inline enum steward_verdict
desk_password(struct desk *d, enum steward_kind kind, const char *user,
              const char *password)
{
    struct steward_password q;
    desk_password_question(&q, kind, user, password);
    return desk_ask(d, &q.head);
}

/* A question about a key: with a good signature over session "session". */
static inline struct steward_key *
desk_key_question(enum steward_kind kind, const char *user, const struct privkey *key)
{
    static struct steward_key q;
    struct bytes blob = pubkey_blob(privkey_public(key));
    struct buf data, signature;
    q = (struct steward_key){.head.op = STEWARD_KEY, .who = desk_who(kind, user)};
    snprintf(q.rules.pubkey_algos, sizeof q.rules.pubkey_algos, "%s",
             algo_list(PROFILE_COMPAT, ALGO_SERVER, ALGO_USER_KEY));
    snprintf(q.rules.ca_algos, sizeof q.rules.ca_algos, "%s",
             algo_list(PROFILE_COMPAT, ALGO_SERVER, ALGO_CA_SIGNATURE));
    q.rules.required_rsa_bits = 2048;
    q.is_signed = 1;
    q.session_id_len = 7;
    memcpy(q.session_id, "session", 7);
    snprintf(q.algo, sizeof q.algo, "ssh-ed25519");
    q.blob_len = (uint32_t)blob.n;
    memcpy(q.blob, blob.p, blob.n);
    buf_init(&data, 65536);
    buf_init(&signature, LOGIN_SIGNATURE_MAX);
    auth_signed_data(BYTES_LIT("session"), bytes_str(user), bytes_str(q.algo), blob,
                     (struct bytes){0}, &data);
    assert_int_equal(sig_sign(sig_by_name(bytes_str("ssh-ed25519")), key,
                              buf_bytes(&data), &signature),
                     ERR_NONE);
    q.signature_len = (uint32_t)signature.n;
    memcpy(q.signature, signature.p, signature.n);
    buf_clear(&data);
    buf_clear(&signature);
    return &q;
}

/* A file in the desk's directory, with these permissions. */
static inline void
desk_file(const struct desk *d, const char *name, struct bytes content, mode_t mode,
          char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", d->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.p, content.n), content.n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

#endif
