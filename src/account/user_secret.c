/* `ferryd user passwd|totp|recovery`: what accounts prove themselves with. A password is
 * never an argument: everybody on the machine could read it there. */
#include <errno.h>
#include <unistd.h>

#include "account/password.h"
#include "account/password_make.h"
#include "account/totp.h"
#include "account/user_part.h"
#include "base/json.h"
#include "cli/prompt.h"
#include "cli/text_file.h"
#include "crypto/rand.h"
#include "key/text_line.h"

static const char issuer[] = "Ferry";

/* ---- where a password comes from ---- */

static enum err
ask(const char *name, struct secret *password, struct fault *why)
{
    char text[ACCOUNT_NAME_MAX + 32];
    struct secret again = {0};
    snprintf(text, sizeof text, "New password for %s: ", name);
    enum err err = prompt_ask(text, PROMPT_HIDDEN, password);
    if (err == ERR_NONE && password->n != 0)
        err = prompt_ask("The same again: ", PROMPT_HIDDEN, &again);
    if (err != ERR_NONE)
        err = fault_set(why, err, 0, "no password was read from the terminal");
    else if (!bytes_eq(secret_bytes(password),
                       secret_bytes(&again))) /* lint: typed twice */
        err = fault_set(why, ERR_PROTO, 0, "the two passwords differ");
    secret_clear(&again);
    return err;
}

static enum err
take_first_line(const char *file, struct secret *password, struct fault *why)
{
    struct buf text;
    struct bytes rest, line = {0};
    buf_init(&text, 4 * SECRET_MAX);
    enum err err = text_file_read(file, &text, NULL);
    if (err == ERR_IO)
        err = fault_errno(why, err, errno, "%.160s", file);
    else if (err)
        err = fault_set(why, err, 0, "%.160s: not a file with a password", file);
    rest = buf_bytes(&text);
    if (err == ERR_NONE && text_next_line(&rest, &line) &&
        secret_set(password, line) != ERR_NONE)
        err = fault_set(why, ERR_LIMIT, 0, "%.160s: the first line is too long", file);
    buf_clear(&text);
    return err;
}

static enum err
make_up(const struct user_call *call, const char *name, struct secret *password,
        struct fault *why)
{
    char text[PASSWORD_MADE_LEN + 1];
    struct buf line;
    if (password_make(&rand_system, text) != ERR_NONE ||
        secret_set(password, bytes_str(text)) != ERR_NONE)
        return fault_set(why, ERR_CRYPTO, 0, "no randomness");
    buf_init(&line, 256);
    if (call->is_json) {
        json_begin(&line, "password");
        json_text(&line, "name", bytes_str(name));
        json_text(&line, "password", bytes_str(text));
        json_end(&line);
    } else {
        buf_printf(&line, "%s: the password is %s\n", name, text);
    }
    fwrite(line.p, 1, line.n, stdout);
    buf_clear(&line);
    mem_wipe(text, sizeof text);
    return ERR_NONE;
}

/* None of the options: `passwd` asks; `add` does when nothing else lets anybody in. */
static enum err
take_from_terminal(const struct user_call *call, const char *name,
                   struct secret *password, struct fault *why)
{
    bool is_optional = (call->command->takes & TAKES_REMOVE) == 0;
    bool has_terminal = isatty(STDIN_FILENO) == 1 && prompt_has_terminal();
    if (is_optional && (call->keys.n != 0 || !has_terminal))
        return ERR_NONE;
    if (!has_terminal)
        return fault_set(why, ERR_PROTO, 0,
                         "no terminal to ask on: --password-stdin, --password-file or "
                         "--generate");
    return ask(name, password, why);
}

static enum err
check_strength(const struct user_call *call, const char *name,
               const struct secret *password, struct fault *why)
{
    struct fault detail = {0};
    struct bytes text = secret_bytes(password);
    if (text.n == 0 || memchr(text.p, 0, text.n))
        return fault_set(why, ERR_PROTO, 0, "the password is empty or holds a NUL");
    if (call->is_weak_allowed || password_is_strong(text, name, &detail))
        return ERR_NONE;
    return fault_set(why, ERR_PROTO, 0, "%s; --allow-weak takes it all the same",
                     detail.text);
}

enum err
user_take_password(struct user_call *call, const char *name, struct secret *password,
                   struct fault *why)
{
    enum err err;
    if (call->is_password_stdin + call->is_generated + (call->password_file != NULL) > 1)
        return fault_set(why, ERR_PROTO, 0, "one source of the password only");
    if (call->is_generated)
        return make_up(call, name, password, why);
    if (call->password_file)
        err = take_first_line(call->password_file, password, why);
    else if (!call->is_password_stdin) {
        err = take_from_terminal(call, name, password, why);
        if (err || password->n == 0)
            return err;
    } else {
        err = prompt_read_line(STDIN_FILENO, password);
        if (err)
            fault_set(why, err, 0, "no password on standard input, or one too long");
    }
    return err ? err : check_strength(call, name, password, why);
}

enum err
user_store_password(struct user_call *call, const struct account_record *r,
                    struct bytes password, struct fault *why)
{
    char hash[ACCOUNT_HASH_MAX + 1];
    enum err err = password_hash(password, &rand_system, hash);
    if (err)
        err = fault_set(why, err, 0, "the password of %s could not be hashed", r->name);
    else
        err = store_password_set(call->store, r->id, hash, call->now, why);
    mem_wipe(hash, sizeof hash);
    return err;
}

/* ---- passwd ---- */

enum err
user_passwd(struct user_call *call, struct fault *why)
{
    struct secret password = {0};
    enum err err = user_find(call, &call->record, why);
    if (err)
        return err;
    if (call->is_removed) {
        err = store_password_set(call->store, call->record.id, "", call->now, why);
        if (err == ERR_NONE)
            user_tell(call, "password_removed", call->record.name,
                      "has no password any more");
        return err;
    }
    err = user_take_password(call, call->record.name, &password, why);
    if (err == ERR_NONE && password.n == 0)
        err = fault_set(why, ERR_PROTO, 0, "an empty password is none: --remove");
    if (err == ERR_NONE)
        err = user_store_password(call, &call->record, secret_bytes(&password), why);
    if (err == ERR_NONE)
        user_tell(call, "password_set", call->record.name, "password set");
    secret_clear(&password);
    return err;
}

/* ---- recovery codes ---- */

/* Codes and their hashes, all of one setting, so that a login hashes once. */
struct recovery {
    char code[RECOVERY_CODES][RECOVERY_CODE_LEN + 1];
    char hash[RECOVERY_CODES][ACCOUNT_HASH_MAX + 1];
};

static enum err
recovery_make(struct recovery *r, struct fault *why)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; i < RECOVERY_CODES && err == ERR_NONE; i++) {
        err = recovery_code_make(&rand_system, r->code[i]);
        struct bytes code = bytes_str(r->code[i]);
        if (err == ERR_NONE && i == 0)
            err = password_hash(code, &rand_system, r->hash[i]);
        else if (err == ERR_NONE)
            err = password_hash_like(code, r->hash[0], r->hash[i]);
    }
    return err ? fault_set(why, err, 0, "recovery codes could not be made") : ERR_NONE;
}

static enum err
recovery_store(struct user_call *call, const struct recovery *r, struct fault *why)
{
    const char *hashes[RECOVERY_CODES];
    for (size_t i = 0; i < RECOVERY_CODES; i++)
        hashes[i] = r->hash[i];
    return store_recovery_set(call->store, call->record.id, hashes, RECOVERY_CODES, why);
}

static void
put_codes(const struct user_call *call, const struct recovery *r, struct buf *out)
{
    if (call->is_json) {
        json_begin(out, "recovery");
        json_text(out, "name", bytes_str(call->record.name));
        struct buf codes;
        buf_init(&codes, 512);
        for (size_t i = 0; i < RECOVERY_CODES; i++)
            buf_printf(&codes, "%s%s", i ? "," : "", r->code[i]);
        json_text(out, "codes", buf_bytes(&codes));
        buf_clear(&codes);
        json_end(out);
        return;
    }
    buf_put_str(out, "Recovery codes, each good for one login in place of a code:\n");
    for (size_t i = 0; i < RECOVERY_CODES; i++)
        buf_printf(out, "  %s\n", r->code[i]);
}

enum err
user_recovery(struct user_call *call, struct fault *why)
{
    struct recovery r = {0};
    struct buf text;
    enum err err = user_find(call, &call->record, why);
    if (err == ERR_NONE && !call->record.has_totp)
        err = fault_set(why, ERR_PROTO, 0,
                        "%s is not asked for one-time codes; see \"user totp enable\"",
                        call->record.name);
    if (err == ERR_NONE)
        err = recovery_make(&r, why);
    if (err == ERR_NONE)
        err = recovery_store(call, &r, why);
    buf_init(&text, 4096);
    if (err == ERR_NONE)
        put_codes(call, &r, &text);
    fwrite(text.p, 1, text.n, stdout);
    buf_clear(&text);
    mem_wipe(&r, sizeof r);
    return err;
}

/* ---- totp ---- */

static void
put_secret(const struct user_call *call, struct bytes secret, struct buf *out)
{
    struct buf encoded, uri;
    buf_init(&encoded, 256);
    buf_init(&uri, 1024);
    base32_encode(secret, &encoded);
    totp_uri(issuer, call->record.name, secret, &uri);
    if (call->is_json) {
        json_begin(out, "totp");
        json_text(out, "name", bytes_str(call->record.name));
        json_text(out, "secret", buf_bytes(&encoded));
        json_text(out, "uri", buf_bytes(&uri));
        json_end(out);
    } else {
        buf_printf(out, "%s: one-time codes are asked for from now on.\n",
                   call->record.name);
        buf_printf(out, "The secret, for the app: %.*s\nThe same as a link: %.*s\n",
                   (int)encoded.n, (const char *)encoded.p, (int)uri.n,
                   (const char *)uri.p);
    }
    buf_clear(&uri);
    buf_clear(&encoded);
}

/* Hashing the codes takes a second: done before the database is locked. */
static enum err
enable_totp(struct user_call *call, struct bytes secret, const struct recovery *r,
            struct fault *why)
{
    enum err err = store_begin(call->store, why);
    if (err)
        return err;
    err = store_totp_set(call->store, call->record.id, secret, call->now, why);
    if (err == ERR_NONE)
        err = recovery_store(call, r, why);
    if (err == ERR_NONE)
        return store_commit(call->store, why);
    store_rollback(call->store);
    return err;
}

enum err
user_totp_enable(struct user_call *call, struct fault *why)
{
    uint8_t secret[TOTP_SECRET_LEN];
    struct recovery r = {0};
    struct buf text;
    enum err err = user_find(call, &call->record, why);
    if (err == ERR_NONE && totp_make_secret(&rand_system, secret) != ERR_NONE)
        err = fault_set(why, ERR_CRYPTO, 0, "no randomness");
    if (err == ERR_NONE)
        err = recovery_make(&r, why);
    if (err == ERR_NONE)
        err = enable_totp(call, bytes_of(secret, sizeof secret), &r, why);
    buf_init(&text, 8192);
    if (err == ERR_NONE) {
        put_secret(call, bytes_of(secret, sizeof secret), &text);
        put_codes(call, &r, &text);
    }
    fwrite(text.p, 1, text.n, stdout);
    buf_clear(&text);
    mem_wipe(secret, sizeof secret);
    mem_wipe(&r, sizeof r);
    return err;
}

enum err
user_totp_disable(struct user_call *call, struct fault *why)
{
    enum err err = user_find(call, &call->record, why);
    if (err == ERR_NONE)
        err = store_totp_clear(call->store, call->record.id, call->now, why);
    if (err == ERR_NONE)
        user_tell(call, "totp_disabled", call->record.name,
                  "one-time codes are asked for no more");
    return err;
}
