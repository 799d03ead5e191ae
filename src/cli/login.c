/* See login.h. */
#include "cli/login.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/prompt.h"
#include "wire/cursor.h"

static const char default_order[] = "publickey,keyboard-interactive,password";

enum { QUESTION_MAX = 1024, BANNER_MAX = 16384 /* octets shown of one banner */ };

/* One way to authenticate. attempt: false when it has nothing (more) to offer. */
struct method {
    const char *name;
    bool (*is_enabled)(const struct login *l);
    bool (*attempt)(struct login *l);
};

void
login_init(struct login *l, struct conn *conn, const struct settings *s,
           struct console *console, const char *password_file)
{
    *l = (struct login){.conn = conn,
                        .settings = s,
                        .console = console,
                        .password_file = password_file,
                        .state = LOGIN_GOING};
    l->ids.agent.fd = -1;
    buf_init(&l->host_key, KEY_BLOB_MAX);
    buf_init(&l->session_id, 64);
    buf_init(&l->host_signature, SIG_BLOB_MAX);
}

void
login_clear(struct login *l)
{
    if (l->has_collected)
        identities_clear(&l->ids);
    buf_clear(&l->host_key);
    buf_clear(&l->session_id);
    buf_clear(&l->host_signature);
}

void
login_note_kex(struct login *l)
{
    const struct conn_kex_info *info = conn_kex_info(l->conn);
    if (l->host_key.n != 0)
        return; /* a rekey: the first exchange is what the agent binds to */
    buf_put(&l->host_key, info->host_key_blob);
    buf_put(&l->session_id, conn_session_id(l->conn));
    buf_put(&l->host_signature, info->host_key_signature);
    l->binding = (struct agent_binding){.host_key = buf_bytes(&l->host_key),
                                        .session_id = buf_bytes(&l->session_id),
                                        .signature = buf_bytes(&l->host_signature)};
}

static bool
list_has(struct bytes list, const char *name)
{
    struct bytes item;
    while (bytes_next_item(&list, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

/* ---- publickey ---- */

static bool
publickey_is_enabled(const struct login *l)
{
    return l->settings->o.pubkey_authentication == 1;
}

/* Sign at once with a key that costs nobody a question; ask the server first when
 * a passphrase or the agent's own question would come. */
static void
offer(struct login *l, struct identity *id)
{
    console_verbose(l->console, 1, "offering key %s (%s)", id->label,
                    l->current_algo->name);
    if (identity_is_ready(id))
        conn_auth_publickey(l->conn, l->current_algo, buf_bytes(&id->blob));
    else
        conn_auth_query(l->conn, l->current_algo, buf_bytes(&id->blob));
}

static bool
publickey_attempt(struct login *l)
{
    if (!l->has_collected) {
        identities_collect(&l->ids, l->settings, l->console, &l->binding);
        l->has_collected = true;
    }
    for (size_t i = 0; i < l->ids.n; i++) {
        struct identity *id = &l->ids.list[i];
        if (id->is_tried)
            continue;
        id->is_tried = true;
        l->current = id;
        l->current_algo = identity_algo(buf_bytes(&id->blob),
                                        bytes_str(l->settings->lists[ALGO_USER_KEY]),
                                        conn_server_sig_algs(l->conn));
        if (l->current_algo) {
            offer(l, id);
            return true;
        }
        console_verbose(l->console, 1, "skipping key %s: no algorithm in common",
                        id->label);
    }
    return false;
}

static void
on_sign(struct login *l, const struct conn_event *ev)
{
    struct buf signature;
    buf_init(&signature, SIG_BLOB_MAX);
    enum err e =
        identity_sign(&l->ids, l->current, ev->sign.algo, ev->sign.data, &signature);
    if (e == ERR_CLOSED && interrupt_count() != 0)
        l->state = LOGIN_INTERRUPTED;
    conn_answer_sign(l->conn, ev->sign.token,
                     e == ERR_NONE ? buf_bytes(&signature) : (struct bytes){0});
    buf_clear(&signature);
}

/* ---- passwords ---- */

static void
note_interruption(struct login *l, enum err e)
{
    if (e == ERR_CLOSED && interrupt_count() != 0)
        l->state = LOGIN_INTERRUPTED;
}

/* The first line of the password file, which may be a pipe from a password store.
 * ERR_IO: it cannot be read; said. */
static enum err
read_password_file(struct login *l, struct secret *password)
{
    l->is_file_spent = true;
    int fd = open(l->password_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum err e = fd < 0 ? ERR_IO : prompt_read_line(fd, password);
    if (fd >= 0)
        close(fd);
    note_interruption(l, e);
    if (e != ERR_NONE && l->state == LOGIN_GOING)
        console_error(l->console, "%s: no password can be read there", l->password_file);
    return e;
}

static bool
has_file_password(const struct login *l)
{
    return l->password_file && !l->is_file_spent;
}

/* May a person be asked? With a password file, that file is the only source. */
static bool
may_ask(const struct login *l)
{
    return l->settings->o.batch_mode != 1 && !l->password_file;
}

static bool
password_is_enabled(const struct login *l)
{
    return l->settings->o.password_authentication == 1 && !l->is_host_unverified;
}

static enum err
ask_password(struct login *l, const char *what, struct secret *password)
{
    char question[QUESTION_MAX];
    snprintf(question, sizeof question, "%s@%s's %s: ", l->settings->user,
             l->settings->original, what);
    enum err e = prompt_ask(question, PROMPT_HIDDEN, password);
    note_interruption(l, e);
    return e;
}

static bool
password_attempt(struct login *l)
{
    struct secret password;
    enum err e;
    if (has_file_password(l)) {
        e = read_password_file(l, &password);
    } else {
        if (!may_ask(l) || l->password_prompts >= l->settings->o.password_prompts)
            return false;
        if (l->password_prompts++ > 0)
            console_error(l->console, "Permission denied, please try again.");
        e = ask_password(l, "password", &password);
    }
    if (e == ERR_NONE)
        conn_auth_password(l->conn, secret_bytes(&password));
    secret_clear(&password);
    return e == ERR_NONE;
}

/* Each line of what a server says is marked as its own (threats L4). */
static void
show_server_text(struct login *l, struct bytes text)
{
    struct buf out;
    buf_init(&out, 8 * BANNER_MAX);
    text = bytes_first(text, BANNER_MAX);
    while (text.n != 0) {
        const uint8_t *lf = memchr(text.p, '\n', text.n);
        size_t n = lf ? (size_t)(lf - text.p) : text.n;
        size_t shown = n != 0 && text.p[n - 1] == '\r' ? n - 1 : n;
        buf_printf(&out, "(%s@%s) ", l->settings->user, l->settings->original);
        text_escape(&out, bytes_first(text, shown), 0);
        buf_put_u8(&out, '\n');
        text = bytes_skip(text, lf ? n + 1 : n);
    }
    console_notice(l->console, buf_bytes(&out));
    buf_clear(&out);
}

/* The server wants a new password: twice the same, or nothing is changed. */
static void
on_password_change(struct login *l, const struct conn_event *ev)
{
    struct secret old, first, second;
    secret_clear(&old);
    secret_clear(&first);
    secret_clear(&second);
    show_server_text(l, ev->info.instruction);
    enum err e =
        l->settings->o.batch_mode == 1 ? ERR_AUTH : ask_password(l, "old password", &old);
    if (e == ERR_NONE)
        e = ask_password(l, "new password", &first);
    if (e == ERR_NONE)
        e = ask_password(l, "new password again", &second);
    bool is_same = first.n == second.n && mem_equal_ct(first.p, second.p, first.n);
    if (e == ERR_NONE && is_same) {
        conn_auth_password_change(l->conn, secret_bytes(&old), secret_bytes(&first));
    } else {
        if (e == ERR_NONE)
            console_error(l->console, "The two are not the same; nothing was changed.");
        l->state = l->state == LOGIN_INTERRUPTED ? l->state : LOGIN_DENIED;
    }
    secret_clear(&old);
    secret_clear(&first);
    secret_clear(&second);
}

/* ---- keyboard-interactive ---- */

static bool
kbdint_is_enabled(const struct login *l)
{
    return l->settings->o.kbdint_authentication == 1 && !l->is_host_unverified;
}

static bool
kbdint_attempt(struct login *l)
{
    if (!has_file_password(l) && !may_ask(l))
        return false;
    if (l->kbdint_attempts >= l->settings->o.password_prompts)
        return false;
    l->kbdint_attempts++;
    conn_auth_kbdint(l->conn);
    return true;
}

enum { PROMPTS_MAX = 32 }; /* as the engine bounds them */

static enum err
ask_one(struct login *l, struct bytes prompt, bool is_echoed, struct secret *answer)
{
    if (!may_ask(l))
        return ERR_AUTH;
    struct buf question;
    buf_init(&question, 8 * QUESTION_MAX);
    buf_printf(&question, "(%s@%s) ", l->settings->user, l->settings->original);
    text_escape(&question, prompt, QUESTION_MAX);
    const char *text = buf_cstr(&question);
    enum err e = text ? prompt_ask(text, is_echoed ? PROMPT_SHOWN : PROMPT_HIDDEN, answer)
                      : ERR_NOMEM;
    buf_clear(&question);
    note_interruption(l, e);
    return e;
}

/* A stored password answers a single hidden question, once: many servers offer
 * their passwords in this way only. */
static enum err
answer_all(struct login *l, const struct conn_event *ev, struct secret *answers)
{
    struct cursor c = cursor_of(ev->info.prompts);
    for (uint32_t i = 0; i < ev->info.n_prompts; i++) {
        struct bytes prompt = cursor_string(&c);
        bool is_echoed = cursor_bool(&c);
        bool is_for_file = ev->info.n_prompts == 1 && !is_echoed && has_file_password(l);
        enum err e = is_for_file ? read_password_file(l, &answers[i])
                                 : ask_one(l, prompt, is_echoed, &answers[i]);
        if (e != ERR_NONE)
            return e;
    }
    return ERR_NONE;
}

static void
deny(struct login *l)
{
    if (l->state == LOGIN_GOING)
        l->state = LOGIN_DENIED;
}

static void
on_info_request(struct login *l, const struct conn_event *ev)
{
    static struct secret answers[PROMPTS_MAX]; /* 32 KiB: too much for the stack */
    struct bytes views[PROMPTS_MAX];
    uint32_t n = ev->info.n_prompts;
    if (n > PROMPTS_MAX) {
        deny(l);
        return;
    }
    show_server_text(l, ev->info.name);
    show_server_text(l, ev->info.instruction);
    enum err e = answer_all(l, ev, answers);
    for (uint32_t i = 0; i < n; i++)
        views[i] = secret_bytes(&answers[i]);
    if (e == ERR_NONE)
        conn_auth_respond(l->conn, views, n);
    else
        deny(l);
    for (uint32_t i = 0; i < n; i++)
        secret_clear(&answers[i]);
}

/* ---- order ---- */

static const struct method methods[] = {
    {"publickey", publickey_is_enabled, publickey_attempt},
    {"keyboard-interactive", kbdint_is_enabled, kbdint_attempt},
    {"password", password_is_enabled, password_attempt},
};

static const struct method *
method_find(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (bytes_eq_str(name, methods[i].name))
            return &methods[i];
    return NULL;
}

/* The first method of our order that the server takes and that has something left. */
static void
try_next(struct login *l)
{
    const char *order = l->settings->o.preferred_authentications;
    struct bytes rest = bytes_str(order ? order : default_order), name;
    while (l->state == LOGIN_GOING && bytes_next_item(&rest, &name)) {
        const struct method *m = method_find(name);
        if (!m || !m->is_enabled(l) || !list_has(bytes_str(l->methods), m->name))
            continue;
        snprintf(l->accepted, sizeof l->accepted, "%s", m->name);
        if (m->attempt(l))
            return;
    }
    deny(l);
}

static void
on_failure(struct login *l, const struct conn_event *ev)
{
    struct buf text;
    buf_init(&text, sizeof l->methods - 1);
    text_escape(&text, ev->failure.methods, (sizeof l->methods - 4) / 4);
    snprintf(l->methods, sizeof l->methods, "%.*s", (int)text.n, (const char *)text.p);
    buf_clear(&text);
    /* A second factor may be another key, or the same kind of question again. */
    if (ev->failure.is_partial) {
        console_verbose(l->console, 1, "authenticated with partial success (%s)",
                        l->accepted);
        l->password_prompts = l->kbdint_attempts = 0;
        for (size_t i = 0; l->has_collected && i < l->ids.n; i++)
            l->ids.list[i].is_tried = &l->ids.list[i] == l->current;
    }
    try_next(l);
}

bool
login_on_event(struct login *l, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_AUTH_START:
        conn_auth_none(l->conn);
        snprintf(l->accepted, sizeof l->accepted, "none");
        return true;
    case CONN_EV_AUTH_FAILURE:
        on_failure(l, ev);
        return true;
    case CONN_EV_AUTH_PK_OK:
        conn_auth_publickey(l->conn, l->current_algo, buf_bytes(&l->current->blob));
        return true;
    case CONN_EV_SIGN:
        on_sign(l, ev);
        return true;
    case CONN_EV_AUTH_INFO_REQUEST:
        on_info_request(l, ev);
        return true;
    case CONN_EV_AUTH_PASSWD_CHANGE:
        on_password_change(l, ev);
        return true;
    case CONN_EV_AUTH_BANNER:
        if (!l->console->is_quiet)
            show_server_text(l, ev->banner);
        return true;
    case CONN_EV_AUTH_SUCCESS:
        l->state = LOGIN_DONE;
        return true;
    default:
        return false;
    }
}
