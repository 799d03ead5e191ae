/* See rogue_rig.h. */
#include "rogue_rig.h"

#include "daemon/config_files.h"
#include "daemon/options.h"

enum { WAIT_MS = 20 * 1000 };

/* ---- accounts ---- */

static void
set_member(struct account_record *r, enum account_member_id id, const char *text)
{
    struct fault why = {0};
    if (account_member_set(&account_members[id], r, text, &why) != ERR_NONE)
        fail_msg("%s", why.text);
}

static struct account_record
add(struct rig *r, const char *name, const char *chain)
{
    struct account_record a;
    struct fault why = {0};
    account_record_init(&a, STORE_ACCOUNT, name);
    snprintf(a.root, sizeof a.root, "/tmp");
    set_member(&a, MEMBER_ID_QUOTA_OCTETS, "1M");
    set_member(&a, MEMBER_ID_QUOTA_FILES, "10");
    if (chain)
        set_member(&a, MEMBER_ID_CHAIN, chain);
    if (store_add(r->desk->store, &a, 1000, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    return a;
}

static void
add_accounts(struct rig *r)
{
    struct fault why = {0};
    struct account_record alice = add(r, "alice", NULL);
    struct account_record bob = add(r, "bob", "publickey,password");
    struct account_record carol = add(r, "carol", NULL);
    desk_set_password(r->desk, &alice, ALICE_PASSWORD);
    desk_add_key(r->desk, &alice, r->alice, "");
    desk_set_password(r->desk, &bob, BOB_PASSWORD);
    desk_add_key(r->desk, &bob, r->bob, "");
    desk_set_password(r->desk, &carol, ALICE_PASSWORD);
    if (store_totp_set(r->desk->store, carol.id, BYTES_LIT(CAROL_SECRET), 1000, &why) !=
        ERR_NONE)
        fail_msg("%s", why.text);
}

/* ---- `ferryd run` ---- */

static int
start_steward(struct rig *r)
{
    int pair[2];
    char fd[16];
    store_close(r->desk->store);
    r->desk->store = NULL;
    assert_int_equal(link_pair(pair), ERR_NONE);
    snprintf(fd, sizeof fd, "%d", pair[1]);
    const char *argv[] = {"ferryd-accounts", "steward",         "--fd", fd,
                          "--database",      r->desk->database, NULL};
    r->steward = fork();
    if (r->steward == 0) {
        fcntl(pair[1], F_SETFD, 0);
        execv(FERRYD_ACCOUNTS, (char **)(uintptr_t)argv);
        _exit(1);
    }
    close(pair[1]);
    return pair[0];
}

static void
make_settings(struct rig *r)
{
    char text[1024], path[PATH_MAX];
    const struct environment env = {0};
    struct fault why = {0};
    snprintf(text, sizeof text,
             "Accounts virtual\nListenAddress 127.0.0.1\nStateDirectory %s/state\n"
             "AccountDatabase %s\nControlSocket none\nMaxAuthTries 6\n%s",
             r->desk->dir, r->desk->database,
             geteuid() == 0 ? "PreAuthUser nobody\nVirtualUser nobody\n" : "");
    desk_file(r->desk, "ferryd.conf", bytes_str(text), 0600, path);
    if (run_settings_make(&r->settings, path, NULL, &env, NULL, &why) != ERR_NONE)
        fail_msg("%s", why.text);
}

static struct monitor_book
make_book(const struct rig *r, int steward, int recorder)
{
    const struct run_settings *s = &r->settings;
    return (struct monitor_book){
        .config = s->config,
        .options = &s->options,
        .pubkey_algos = s->pubkey_algos,
        .ca_algos = s->ca_algos,
        .state_dir = s->state_dir,
        .steward = steward,
        .recorder = recorder,
        .instance = 4711,
        .is_root = s->is_root,
        .virtual_uid = s->virtual_uid,
        .virtual_gid = s->virtual_gid,
    };
}

/* ---- `ferryd serve` ---- */

static void
make_single(struct rig *r, struct serve_options *o, struct settings *s)
{
    static char keys[PATH_MAX], password[PATH_MAX];
    char line[4096];
    desk_line(r->alice, "", line, sizeof line - 1);
    desk_file(r->desk, "keys", bytes_str(line), 0600, keys);
    desk_file(r->desk, "password", bytes_str(ALICE_PASSWORD "\n"), 0600, password);
    *o = (struct serve_options){.authorized_keys = keys, .password_file = password};
    *s = (struct settings){.options = o};
    snprintf(s->dir, sizeof s->dir, "/tmp");
    snprintf(s->user, sizeof s->user, "alice");
    snprintf(s->state_dir, sizeof s->state_dir, "%s/kept", r->desk->dir);
    assert_int_equal(mkdir(s->state_dir, 0700), 0);
}

/* ---- the monitor ---- */

static _Noreturn void
become_monitor(struct rig *r, const struct monitor_single *single,
               const struct monitor_book *book, int link)
{
    struct daemon_log log;
    struct sandbox_plan plan;
    struct fault why = {0};
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    daemon_log_init(&log, LOG_LEVEL_ERROR, NULL);
    if (sandbox_prepare(&plan, SANDBOX_BEST_EFFORT, &why) != ERR_NONE)
        _exit(1);
    const struct monitor_process p = {
        .single = single, .book = book, .plan = &plan, .log = &log, .link = link};
    close(r->link);
    _exit(monitor_process_run(&p));
}

static void
start_monitor(struct rig *r)
{
    int pair[2], recorder[2];
    struct serve_options options;
    static struct settings settings;
    const struct net_addr nowhere = {0};
    const struct monitor_single single = {.settings = &settings, .bound = &nowhere};
    struct monitor_book book = {.steward = -1, .recorder = -1};
    struct monitor_notice notice;
    if (r->kind == ROGUE_SERVE) {
        make_single(r, &options, &settings);
    } else {
        make_settings(r);
        assert_int_equal(link_pair(recorder), ERR_NONE);
        r->recorder = recorder[0];
        book = make_book(r, start_steward(r), recorder[1]);
    }
    assert_int_equal(link_pair(pair), ERR_NONE);
    r->link = pair[0];
    r->monitor = fork();
    if (r->monitor == 0)
        become_monitor(r, r->kind == ROGUE_SERVE ? &single : NULL,
                       r->kind == ROGUE_RUN ? &book : NULL, pair[1]);
    close(pair[1]);
    if (r->kind == ROGUE_RUN) {
        close(book.steward);
        close(book.recorder);
    }
    assert_int_equal(link_await(r->link, &notice, sizeof notice, WAIT_MS), ERR_NONE);
    assert_int_equal(notice.type, MONITOR_READY);
    assert_int_equal(link_await(r->link, &r->keys, sizeof r->keys, WAIT_MS), ERR_NONE);
}

struct rig *
rig_start(enum rogue_kind kind)
{
    struct rig *r = calloc(1, sizeof *r);
    void *desk;
    assert_non_null(r);
    assert_int_equal(desk_make(&desk), 0);
    r->desk = desk;
    r->kind = kind;
    r->recorder = -1;
    r->alice = desk_key();
    r->bob = desk_key();
    r->mallory = desk_key();
    add_accounts(r);
    start_monitor(r);
    return r;
}

/* They end when the listener's end is closed: by themselves, and content. */
static void
must_end(pid_t pid)
{
    int status;
    if (pid <= 0)
        return;
    for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
        if (i == 2000)
            kill(pid, SIGKILL);
        usleep(10000);
    }
    assert_int_equal(status, 0);
}

void
rig_stop(struct rig *r)
{
    void *desk = r->desk;
    close(r->link);
    if (r->recorder >= 0)
        close(r->recorder);
    must_end(r->monitor);
    must_end(r->steward);
    privkey_free(r->alice);
    privkey_free(r->bob);
    privkey_free(r->mallory);
    if (r->kind == ROGUE_RUN)
        run_settings_clear(&r->settings);
    assert_int_equal(desk_remove(&desk), 0);
    free(r);
}

/* ---- connections ---- */

static void
send_word(struct rogue *c, enum monitor_word_type type, enum monitor_end end, int fd)
{
    struct monitor_word w = {.type = type, .end = end, .place = c->place, .id = c->id};
    struct pollfd p = {.fd = c->rig->link, .events = POLLOUT};
    snprintf(w.address, sizeof w.address, "192.0.2.7");
    snprintf(w.local_address, sizeof w.local_address, "192.0.2.1");
    w.port = 4000;
    w.local_port = 22;
    enum err err;
    do
        err = fd >= 0 ? link_send_fds(c->rig->link, &w, sizeof w, &fd, 1)
                      : link_send(c->rig->link, &w, sizeof w);
    while (err == ERR_LIMIT && poll(&p, 1, WAIT_MS) == 1);
    assert_int_equal(err, ERR_NONE);
}

static void
enter(struct rogue *c, enum monitor_end end)
{
    int pair[2];
    const int yes = 1;
    assert_int_equal(link_pair(pair), ERR_NONE);
    assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), 0);
    c->fd[end] = pair[0];
    send_word(c, MONITOR_ENTER, end, pair[1]);
    close(pair[1]);
}

/* The id's lowest bits are the place: daemon/admission.c. */
static void
enter_at(struct rig *r, struct rogue *c, uint32_t place)
{
    *c = (struct rogue){.rig = r, .fd = {-1, -1}, .place = place};
    c->id = ++r->n_entered * ADMISSION_PLACES_MAX + place;
    enter(c, MONITOR_PRE_AUTH);
}

void
rogue_enter(struct rig *r, struct rogue *c)
{
    enter_at(r, c, 1 + (uint32_t)(r->n_entered % (ADMISSION_PLACES_MAX - 1)));
}

void
rogue_enter_to_stay(struct rig *r, struct rogue *c)
{
    enter_at(r, c, 0);
}

void
rogue_enter_session(struct rogue *c)
{
    enter(c, MONITOR_SESSION);
}

void
rogue_leave(struct rogue *c)
{
    for (int end = 0; end < MONITOR_ENDS; end++)
        if (c->fd[end] >= 0)
            close(c->fd[end]);
    send_word(c, MONITOR_LEFT, MONITOR_PRE_AUTH, -1);
}

static void
note(struct rogue *c, const struct monitor_notice *n)
{
    if (n->id != c->id)
        return;
    switch (n->type) {
    case MONITOR_ACCEPTED:
        c->n_accepted++;
        c->accepted = *n;
        return;
    case MONITOR_MISUSED:
        c->n_misused++;
        return;
    case MONITOR_IDENTIFIED:
        c->n_identified++;
        return;
    default:
        c->n_failed += n->type == MONITOR_LOGIN_FAILED || n->type == MONITOR_BAD_USER;
        return;
    }
}

void
rogue_take_notices(struct rogue *c, int timeout_ms)
{
    struct monitor_notice n;
    enum err err;
    for (;;) {
        while ((err = link_receive(c->rig->link, &n, sizeof n)) == ERR_NONE)
            note(c, &n);
        if (err != ERR_LIMIT)
            fail_msg("the monitor is gone");
        struct pollfd p = {.fd = c->rig->link, .events = POLLIN};
        if (c->n_misused || timeout_ms == 0 || poll(&p, 1, timeout_ms) != 1)
            return;
    }
}

void
rogue_put(struct rogue *c, enum monitor_end end, const void *message, size_t n)
{
    struct pollfd p = {.fd = c->fd[end], .events = POLLOUT};
    ssize_t rc;
    do
        rc = send(c->fd[end], message, n, MSG_NOSIGNAL);
    while (rc < 0 && errno == EAGAIN && poll(&p, 1, WAIT_MS) == 1);
}

bool
rogue_await(struct rogue *c, enum monitor_end end)
{
    struct pollfd p = {.fd = c->fd[end], .events = POLLIN};
    if (poll(&p, 1, WAIT_MS) != 1)
        fail_msg("the monitor neither answers nor hangs up");
    memset(&c->reply, 0, sizeof c->reply);
    ssize_t n = recv(c->fd[end], &c->reply, sizeof c->reply, 0);
    rogue_take_notices(c, n > 0 ? 0 : WAIT_MS);
    return n > 0;
}

bool
rogue_ask(struct rogue *c, enum monitor_end end, const void *message, size_t n)
{
    rogue_put(c, end, message, n);
    return rogue_await(c, end);
}

bool
rogue_ask_op(struct rogue *c, enum monitor_end end, uint32_t op)
{
    const struct monitor_ask ask = {op};
    return rogue_ask(c, end, &ask, sizeof ask);
}

/* ---- honest requests ---- */

struct monitor_sign_request
rogue_sign(const struct rogue *c, uint32_t n)
{
    struct monitor_sign_request r = {.op = MONITOR_SIGN, .n = n};
    snprintf(r.algo, sizeof r.algo, "ssh-ed25519");
    memcpy(r.hash, c->session_id, sizeof c->session_id);
    return r;
}

struct monitor_login_request *
rogue_login(uint32_t method, const char *user)
{
    static struct monitor_login_request r;
    memset(&r, 0, sizeof r);
    r.op = MONITOR_LOGIN;
    r.login.method = method;
    r.login.user_len = (uint32_t)strlen(user);
    memcpy(r.login.user, user, r.login.user_len);
    return &r;
}

struct monitor_login_request *
rogue_password(const char *user, const char *password)
{
    struct monitor_login_request *r = rogue_login(LOGIN_PASSWORD, user);
    r->login.secret_len = (uint32_t)strlen(password);
    memcpy(r->login.secret, password, r->login.secret_len);
    return r;
}

struct monitor_login_request *
rogue_answer(const char *user, const char *text)
{
    struct monitor_login_request *r = rogue_login(LOGIN_KBDINT_ANSWER, user);
    r->login.n_answers = 1;
    r->login.answer[0].len = (uint32_t)strlen(text);
    memcpy(r->login.answer[0].text, text, r->login.answer[0].len);
    return r;
}

struct monitor_login_request *
rogue_key(const char *user, const struct privkey *key, const struct privkey *signer,
          const char *signed_user, struct bytes session_id)
{
    struct monitor_login_request *r = rogue_login(LOGIN_KEY, user);
    struct bytes blob = pubkey_blob(privkey_public(key));
    struct buf data, signature;
    snprintf(r->login.algo, sizeof r->login.algo, "ssh-ed25519");
    r->login.blob_len = (uint32_t)blob.n;
    memcpy(r->login.blob, blob.p, blob.n);
    if (!signer)
        return r;
    buf_init(&data, 65536);
    buf_init(&signature, LOGIN_SIGNATURE_MAX);
    auth_signed_data(session_id, bytes_str(signed_user), bytes_str("ssh-ed25519"), blob,
                     (struct bytes){0}, &data);
    assert_int_equal(sig_sign(sig_by_name(bytes_str("ssh-ed25519")), signer,
                              buf_bytes(&data), &signature),
                     ERR_NONE);
    r->login.signature_len = (uint32_t)signature.n;
    memcpy(r->login.signature, signature.p, signature.n);
    buf_clear(&data);
    buf_clear(&signature);
    return r;
}

bool
rogue_send_login(struct rogue *c, const struct monitor_login_request *r)
{
    return rogue_ask(c, MONITOR_PRE_AUTH, r, sizeof *r);
}

void
rogue_begin(struct rogue *c)
{
    struct monitor_sign_request sign = rogue_sign(c, sizeof c->session_id);
    memcpy(sign.hash, &c->id, sizeof c->id); /* never twice */
    memcpy(c->session_id, sign.hash, sizeof c->session_id);
    assert_true(rogue_ask_op(c, MONITOR_PRE_AUTH, MONITOR_HELLO));
    assert_true(rogue_ask(c, MONITOR_PRE_AUTH, &sign, sizeof sign));
    assert_int_equal(c->reply.verdict, 1);
}

void
rogue_become_session(struct rogue *c, const char *user)
{
    const struct privkey *key = strcmp(user, "bob") == 0 ? c->rig->bob : c->rig->alice;
    struct bytes id = bytes_of(c->session_id, sizeof c->session_id);
    rogue_begin(c);
    assert_true(rogue_send_login(c, rogue_key(user, key, key, user, id)));
    if (strcmp(user, "bob") == 0)
        assert_true(rogue_send_login(c, rogue_password("bob", BOB_PASSWORD)));
    assert_int_equal(c->reply.login.verdict, LOGIN_ACCEPTED);
    assert_int_equal(c->n_accepted, 1);
    rogue_enter_session(c);
}
