/* See host_key.h. */
#include "cli/host_key.h"

#include <string.h>
#include <strings.h>

#include "cli/prompt.h"
#include "cli/text_file.h"
#include "key/krl.h"

enum { FINGERPRINT_TEXT_MAX = 256, ANSWERS_MAX = 20 };

enum host_key_action
host_key_policy(enum host_verdict verdict, int strict)
{
    switch (verdict) {
    case HOST_KEY_KNOWN:
        return HOST_KEY_ACCEPT;
    case HOST_KEY_NEW:
    case HOST_KEY_OTHER_TYPE:
        if (strict == STRICT_ASK)
            return HOST_KEY_ASK;
        return strict == STRICT_YES ? HOST_KEY_REJECT : HOST_KEY_ACCEPT;
    case HOST_KEY_REFUSE:
    case HOST_KEY_CHANGED:
    case HOST_KEY_REVOKED:
        break;
    }
    return HOST_KEY_REJECT;
}

bool
host_key_is_to_be_added(enum host_verdict verdict)
{
    return verdict == HOST_KEY_NEW || verdict == HOST_KEY_OTHER_TYPE;
}

const char *
host_key_word(struct bytes blob)
{
    const struct key_type *type = key_type_of_blob(blob);
    return type ? type->word : "unknown";
}

void
host_key_put_fingerprint(const struct settings *s, struct bytes blob, struct buf *out)
{
    size_t before = out->n;
    if (fingerprint_put(s->fingerprint_form, blob, out) != ERR_NONE) {
        buf_truncate(out, before);
        buf_put_str(out, "(unreadable)");
    }
}

/* ---- judging ---- */

/* RevokedHostKeys. A list that cannot be read revokes everything. */
static bool
is_on_revocation_list(const char *path, struct bytes blob, struct fault *why)
{
    struct buf list;
    buf_init(&list, KRL_MAX);
    enum err e = text_file_read(path, &list, NULL);
    bool is_revoked = true;
    if (e == ERR_NONE)
        is_revoked = krl_check(buf_bytes(&list), blob, why) != KEY_NOT_REVOKED;
    else
        (void)fault_set(why, e, 0, "%s cannot be read", path);
    buf_clear(&list);
    return is_revoked;
}

enum host_verdict
host_key_judge(const struct hosts *hosts, struct bytes blob, struct host_finding *f)
{
    const struct settings *s = hosts->settings;
    const struct host_query query = hosts_query(hosts);
    if (!settings_allow_key(s, blob)) {
        (void)fault_set(&f->why, ERR_CRYPTO, 0,
                        "its key is below RequiredRSASize, %d bits",
                        s->o.required_rsa_size);
        f->verdict = HOST_KEY_REFUSE;
        return f->verdict;
    }
    f->verdict = known_hosts_check(hosts->files, hosts->n_files, &query, blob, f);
    if (s->revoked_host_keys &&
        is_on_revocation_list(s->revoked_host_keys, blob, &f->why)) {
        f->verdict = HOST_KEY_REVOKED;
        f->file = s->revoked_host_keys;
        f->line = 0;
    }
    return f->verdict;
}

/* One decision under way. */
struct decision {
    const struct hosts *hosts;
    struct console *console;
    struct bytes blob; /* as presented */
    struct host_finding finding;
    struct buf name;        /* "[host]:port" */
    struct buf fingerprint; /* of blob */
};

static const char *
text_of(struct buf *b)
{
    const char *text = buf_cstr(b);
    return text ? text : "";
}

/* ---- refusing ---- */

static void
say_recorded_key(struct decision *d)
{
    const struct host_finding *f = &d->finding;
    if (f->file && f->line != 0)
        console_error(d->console, "the line that decided: %s:%u", f->file, f->line);
    else if (f->file)
        console_error(d->console, "the list that decided: %s", f->file);
    if (f->recorded.n == 0)
        return;
    struct buf recorded;
    buf_init(&recorded, FINGERPRINT_TEXT_MAX);
    host_key_put_fingerprint(d->hosts->settings, buf_bytes(&f->recorded), &recorded);
    console_error(d->console, "key on record: %s %s",
                  host_key_word(buf_bytes(&f->recorded)), text_of(&recorded));
    buf_clear(&recorded);
}

static void
say_refusal(struct decision *d)
{
    struct console *c = d->console;
    const char *name = text_of(&d->name);
    const char *word = host_key_word(d->blob);
    switch (d->finding.verdict) {
    case HOST_KEY_CHANGED:
        console_error(c, "WARNING: THE HOST KEY OF %s HAS CHANGED", name);
        console_error(c, "either the server was set up anew, or somebody is between "
                         "you and it and wants to read what you send");
        console_error(c, "key presented: %s %s", word, text_of(&d->fingerprint));
        say_recorded_key(d);
        break;
    case HOST_KEY_REVOKED:
        console_error(c, "WARNING: THE HOST KEY OF %s IS REVOKED", name);
        console_error(c, "key presented: %s %s", word, text_of(&d->fingerprint));
        say_recorded_key(d);
        break;
    case HOST_KEY_NEW:
    case HOST_KEY_OTHER_TYPE:
        console_error(c, "No %s host key is known for %s (%s)", word, name,
                      text_of(&d->fingerprint));
        break;
    default:
        console_error(c, "the host key of %s could not be checked: %s", name,
                      d->finding.why.text);
    }
}

static bool
reject(struct decision *d)
{
    say_refusal(d);
    console_error(d->console, "Host key verification failed.");
    return false;
}

/* ---- asking ---- */

static void
put_question(struct decision *d, struct buf *out)
{
    buf_printf(out, "The authenticity of host '%s' can't be established.\n",
               text_of(&d->name));
    buf_printf(out, "%s key fingerprint is %s.\n", host_key_word(d->blob),
               text_of(&d->fingerprint));
    if (d->hosts->settings->o.visual_host_key == 1 &&
        randomart_put(d->hosts->settings->fingerprint_form, d->blob, out) == ERR_NONE)
        buf_put_u8(out, '\n');
    if (d->finding.verdict == HOST_KEY_OTHER_TYPE)
        buf_printf(out,
                   "Keys of other types are on record for this host, but none of "
                   "type %s.\n",
                   host_key_word(d->blob));
    buf_put_str(out, "Are you sure you want to continue connecting "
                     "(yes/no/[fingerprint])? ");
}

/* Answers come until one of them is an answer; ANSWERS_MAX because an askpass
 * program may give the same one for ever. */
static bool
ask(struct decision *d)
{
    struct buf question;
    struct secret answer;
    bool is_yes = false;
    buf_init(&question, 4096);
    put_question(d, &question);
    for (int i = 0; i < ANSWERS_MAX; i++) {
        if (prompt_ask(text_of(&question), PROMPT_CONFIRM, &answer) != ERR_NONE)
            break;
        const char *text = (const char *)answer.p;
        is_yes = strcasecmp(text, "yes") == 0 ||
                 fingerprint_is(secret_bytes(&answer), d->blob);
        if (is_yes || strcasecmp(text, "no") == 0)
            break;
        buf_reset(&question);
        buf_put_str(&question, "Please type 'yes', 'no' or the fingerprint: ");
    }
    secret_clear(&answer);
    buf_clear(&question);
    return is_yes;
}

/* ---- accepting ---- */

/* A certificate without its CA on record is remembered by the key it certifies. */
static void
record(struct decision *d)
{
    struct buf plain;
    struct fault fault = {0};
    buf_init(&plain, KEY_BLOB_MAX);
    enum err e = cert_plain_blob(d->blob, &plain);
    if (e == ERR_NONE)
        e = hosts_add(d->hosts, buf_bytes(&plain), &fault);
    if (e == ERR_NONE)
        console_warn(d->console,
                     "Warning: Permanently added '%s' (%s) to the list of known hosts.",
                     text_of(&d->name), host_key_word(d->blob));
    else
        console_warn(d->console, "the host key could not be recorded: %s", fault.text);
    buf_clear(&plain);
}

static bool
act(struct decision *d)
{
    const struct ssh_options *o = &d->hosts->settings->o;
    enum host_key_action action = host_key_policy(d->finding.verdict, o->strict_host_key);
    if (action == HOST_KEY_ASK && o->batch_mode == 1)
        action = HOST_KEY_REJECT;
    if (action == HOST_KEY_REJECT || (action == HOST_KEY_ASK && !ask(d)))
        return reject(d);
    if (host_key_is_to_be_added(d->finding.verdict))
        record(d);
    return true;
}

bool
host_key_decide(const struct hosts *hosts, struct console *console, struct bytes blob)
{
    struct decision d = {.hosts = hosts, .console = console, .blob = blob};
    buf_init(&d.name, 1024);
    buf_init(&d.fingerprint, FINGERPRINT_TEXT_MAX);
    host_finding_init(&d.finding);
    bool is_accepted = false;
    if (hosts_put_name(hosts, &d.name) == ERR_NONE) {
        host_key_put_fingerprint(hosts->settings, blob, &d.fingerprint);
        d.finding.verdict = host_key_judge(hosts, blob, &d.finding);
        is_accepted = act(&d);
    } else {
        console_error(console, "the host's name cannot be looked up in known_hosts");
    }
    host_finding_clear(&d.finding);
    buf_clear(&d.name);
    buf_clear(&d.fingerprint);
    return is_accepted;
}
