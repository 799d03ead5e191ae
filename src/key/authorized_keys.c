/* See authorized_keys.h. Options: one table; sshd(8) "AUTHORIZED_KEYS FILE
 * FORMAT" says what each means. */
#include "key/authorized_keys.h"

#include <stddef.h>

#include "base/address.h"
#include "key/pubkey_line.h"
#include "key/text_line.h"

/* ---- the result ---- */

static void
key_reset(struct authorized_key *key)
{
    struct buf blob = key->blob, command = key->command, from = key->from;
    struct buf principals = key->principals;
    *key = (struct authorized_key){.blob = blob,
                                   .command = command,
                                   .from = from,
                                   .principals = principals,
                                   .expires = AUTHORIZED_NEVER_EXPIRES};
    buf_reset(&key->blob);
    buf_reset(&key->command);
    buf_reset(&key->from);
    buf_reset(&key->principals);
}

void
authorized_key_init(struct authorized_key *key)
{
    *key = (struct authorized_key){.expires = AUTHORIZED_NEVER_EXPIRES};
    buf_init(&key->blob, KEY_BLOB_MAX);
    buf_init(&key->command, AUTHORIZED_OPTION_MAX);
    buf_init(&key->from, AUTHORIZED_OPTION_MAX);
    buf_init(&key->principals, AUTHORIZED_OPTION_MAX);
}

void
authorized_key_clear(struct authorized_key *key)
{
    buf_clear(&key->blob);
    buf_clear(&key->command);
    buf_clear(&key->from);
    buf_clear(&key->principals);
    key_reset(key);
}

/* ---- expiry-time ---- */

/* n decimal digits off the front of *text. */
static bool
take_number(struct bytes *text, size_t n, unsigned *value)
{
    if (text->n < n)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text->p[i] < '0' || text->p[i] > '9')
            return false;
        *value = *value * 10 + (unsigned)(text->p[i] - '0');
    }
    *text = bytes_skip(*text, n);
    return true;
}

static bool
is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* month: 1..12 */
static unsigned
days_in(unsigned month, unsigned year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

/* Days from 1970-01-01 to the first of January, Gregorian throughout. */
static uint64_t
days_before_year(unsigned year)
{
    uint64_t y = year - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

/* "YYYYMMDD[HHMM[SS]][Z]"; without Z it is local time. */
static bool
parse_expiry(struct bytes text, int32_t utc_offset_s, uint64_t *expires)
{
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    bool is_utc = text.n != 0 && (text.p[text.n - 1] | 0x20) == 'z';
    text.n -= is_utc ? 1 : 0;
    if (!take_number(&text, 4, &year) || !take_number(&text, 2, &month) ||
        !take_number(&text, 2, &day))
        return false;
    if (text.n != 0 && (!take_number(&text, 2, &hour) || !take_number(&text, 2, &minute)))
        return false;
    if (text.n != 0 && !take_number(&text, 2, &second))
        return false;
    if (text.n != 0 || year < 1971 || month < 1 || month > 12 || day < 1 ||
        day > days_in(month, year) || hour > 23 || minute > 59 || second > 59)
        return false;
    uint64_t days = days_before_year(year) + day - 1;
    for (unsigned m = 1; m < month; m++)
        days += days_in(m, year);
    uint64_t local = ((days * 24 + hour) * 60 + minute) * 60 + second;
    *expires = is_utc ? local : local - (uint64_t)(int64_t)utc_offset_s;
    return true;
}

/* ---- options ---- */

enum option_kind {
    OPTION_SET,        /* the flag becomes true */
    OPTION_UNSET,      /* the flag becomes false */
    OPTION_TEXT,       /* a quoted value, once */
    OPTION_EXPIRY,     /* a quoted time; the earliest counts */
    OPTION_NO_MEANING, /* known, but about what this server never allows */
    OPTION_TEXT_NO_MEANING,
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t flag; /* bool of struct authorized_key */
    size_t text; /* buf of it */
};

#define MEMBER(name) offsetof(struct authorized_key, name)

static const struct option_row option_rows[] = {
    {"restrict", OPTION_SET, MEMBER(is_restricted), 0},
    {"cert-authority", OPTION_SET, MEMBER(is_ca), 0},
    {"no-touch-required", OPTION_SET, MEMBER(is_touch_waived), 0},
    {"touch-required", OPTION_UNSET, MEMBER(is_touch_waived), 0},
    {"verify-required", OPTION_SET, MEMBER(is_verify_required), 0},
    {"no-verify-required", OPTION_UNSET, MEMBER(is_verify_required), 0},
    {"command", OPTION_TEXT, MEMBER(has_command), MEMBER(command)},
    {"from", OPTION_TEXT, MEMBER(has_from), MEMBER(from)},
    {"principals", OPTION_TEXT, MEMBER(has_principals), MEMBER(principals)},
    {"expiry-time", OPTION_EXPIRY, 0, 0},
    {"port-forwarding", OPTION_NO_MEANING, 0, 0},
    {"no-port-forwarding", OPTION_NO_MEANING, 0, 0},
    {"agent-forwarding", OPTION_NO_MEANING, 0, 0},
    {"no-agent-forwarding", OPTION_NO_MEANING, 0, 0},
    {"x11-forwarding", OPTION_NO_MEANING, 0, 0},
    {"no-x11-forwarding", OPTION_NO_MEANING, 0, 0},
    {"pty", OPTION_NO_MEANING, 0, 0},
    {"no-pty", OPTION_NO_MEANING, 0, 0},
    {"user-rc", OPTION_NO_MEANING, 0, 0},
    {"no-user-rc", OPTION_NO_MEANING, 0, 0},
    {"environment", OPTION_TEXT_NO_MEANING, 0, 0},
    {"permitopen", OPTION_TEXT_NO_MEANING, 0, 0},
    {"permitlisten", OPTION_TEXT_NO_MEANING, 0, 0},
    {"tunnel", OPTION_TEXT_NO_MEANING, 0, 0},
};

/* One option as it stands in the line. */
struct option {
    const struct option_row *row;
    bool has_value;
    struct bytes quoted; /* between the quotes, escapes still in it */
};

static bool
is_name_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           (c >= '0' && c <= '9');
}

/* Take ="..." off *text when it is there. False: a quote is missing. */
static bool
take_value(struct bytes *text, struct option *option)
{
    *option = (struct option){.row = option->row};
    if (text->n == 0 || text->p[0] != '=')
        return true;
    if (text->n < 2 || text->p[1] != '"')
        return false;
    size_t i = 2;
    while (i < text->n && text->p[i] != '"')
        i += text->p[i] == '\\' && i + 1 < text->n && text->p[i + 1] == '"' ? 2 : 1;
    if (i >= text->n)
        return false;
    option->has_value = true;
    option->quoted = bytes_of(text->p + 2, i - 2);
    *text = bytes_skip(*text, i + 1);
    return true;
}

/* Take one option off *text. False: unknown or malformed. */
static bool
take_option(struct bytes *text, struct option *option)
{
    size_t n = 0;
    while (n < text->n && is_name_octet(text->p[n]))
        n++;
    struct bytes name = bytes_first(*text, n);
    *text = bytes_skip(*text, n);
    option->row = NULL;
    for (size_t i = 0; i < ARRAY_LEN(option_rows); i++)
        if (text_eq_fold(name, option_rows[i].name))
            option->row = &option_rows[i];
    return option->row && take_value(text, option);
}

/* Only \" is an escape. */
static void
put_unescaped(struct bytes quoted, struct buf *out)
{
    for (size_t i = 0; i < quoted.n; i++) {
        if (quoted.p[i] == '\\' && i + 1 < quoted.n && quoted.p[i + 1] == '"')
            i++;
        buf_put_u8(out, quoted.p[i]);
    }
}

static bool
apply_text(const struct option *option, struct authorized_key *key)
{
    bool *flag = (bool *)((char *)key + option->row->flag);
    struct buf *text = (struct buf *)((char *)key + option->row->text);
    if (*flag)
        return false; /* twice: which one was meant? */
    *flag = true;
    put_unescaped(option->quoted, text);
    return buf_err(text) == ERR_NONE;
}

static bool
apply_expiry(const struct option *option, int32_t utc_offset_s,
             struct authorized_key *key)
{
    uint64_t expires;
    if (!parse_expiry(option->quoted, utc_offset_s, &expires))
        return false;
    if (expires < key->expires)
        key->expires = expires;
    return true;
}

static bool
apply_option(const struct option *option, int32_t utc_offset_s,
             struct authorized_key *key)
{
    enum option_kind kind = option->row->kind;
    bool wants_value =
        kind == OPTION_TEXT || kind == OPTION_EXPIRY || kind == OPTION_TEXT_NO_MEANING;
    if (option->has_value != wants_value)
        return false;
    switch (kind) {
    case OPTION_SET:
    case OPTION_UNSET:
        *(bool *)((char *)key + option->row->flag) = kind == OPTION_SET;
        return true;
    case OPTION_TEXT:
        return apply_text(option, key);
    case OPTION_EXPIRY:
        return apply_expiry(option, utc_offset_s, key);
    case OPTION_NO_MEANING:
    case OPTION_TEXT_NO_MEANING:
        return true;
    }
    return false;
}

/* Take all options off *line. False: a stray comma, an unknown option, ... */
static bool
take_options(struct bytes *line, int32_t utc_offset_s, struct authorized_key *key)
{
    for (;;) {
        struct option option;
        if (!take_option(line, &option) || !apply_option(&option, utc_offset_s, key))
            return false;
        if (line->n != 0 && text_is_blank(line->p[0]))
            return true;
        if (line->n == 0 || line->p[0] != ',')
            return false;
        *line = bytes_skip(*line, 1);
    }
}

/* ---- lines ---- */

void
authorized_keys_start(struct authorized_keys *it, struct bytes text, int32_t utc_offset_s)
{
    *it = (struct authorized_keys){.rest = text, .utc_offset_s = utc_offset_s};
}

/* Why the line is no good; NULL: it is good. The key is tried first, so that
 * an option can't be named like a key type. */
static const char *
parse_line(const struct authorized_keys *it, struct bytes line,
           struct authorized_key *key)
{
    if (line.n > AUTHORIZED_LINE_MAX)
        return "line too long";
    if (memchr(line.p, 0, line.n))
        return "it holds a NUL";
    line = text_skip_blanks(line);
    if (pubkey_line_parse(line, &key->blob, &key->comment) == ERR_NONE)
        return NULL;
    if (!take_options(&line, it->utc_offset_s, key))
        return "an option is unknown or malformed";
    if (pubkey_line_parse(line, &key->blob, &key->comment) != ERR_NONE)
        return "not a key of a known type";
    return NULL;
}

enum authorized_step
authorized_keys_next(struct authorized_keys *it, struct authorized_key *key,
                     struct fault *why)
{
    struct bytes line;
    key_reset(key);
    if (it->line == 0 && it->rest.n > AUTHORIZED_KEYS_MAX) {
        *why = (struct fault){0};
        fault_set(why, ERR_LIMIT, 0, "file over %d octets", AUTHORIZED_KEYS_MAX);
        it->rest = (struct bytes){0};
        return AUTHORIZED_IGNORED;
    }
    while (text_next_line(&it->rest, &line)) {
        it->line++;
        if (text_is_comment(line))
            continue;
        const char *reason = parse_line(it, line, key);
        key->line = it->line;
        if (!reason)
            return AUTHORIZED_KEY;
        *why = (struct fault){0};
        fault_set(why, ERR_PROTO, 0, "%s", reason);
        return AUTHORIZED_IGNORED;
    }
    return AUTHORIZED_END;
}

/* ---- finding ---- */

/* What is offered, made ready once for all lines. */
struct offer {
    const struct authorized_query *query;
    struct cert *cert; /* NULL: a plain key */
    unsigned n_tries, n_told;
};

static bool
is_about(const struct offer *offer, const struct authorized_key *key)
{
    struct bytes blob = buf_bytes(&key->blob);
    if (key->is_ca)
        return offer->cert && bytes_eq(blob, offer->cert->ca_blob);
    return !offer->cert && bytes_eq(blob, offer->query->blob);
}

static const char *
check_limits(const struct authorized_query *query, const struct authorized_key *key)
{
    if (query->now >= key->expires)
        return "the key has expired";
    if (key->has_from && from_list_match(buf_bytes(&key->from), query->address,
                                         query->host) != PATTERN_YES)
        return "not allowed from this address";
    return NULL;
}

/* The stricter of the line and the certificate. */
static const char *
join_options(const struct cert_options *options, struct authorized_key *key)
{
    key->is_verify_required = key->is_verify_required || options->is_verify_required;
    key->is_touch_waived = key->is_touch_waived && options->is_touch_waived;
    if (!options->has_force_command)
        return NULL;
    if (key->has_command)
        return bytes_eq(buf_bytes(&key->command), options->force_command)
                   ? NULL
                   : "the certificate forces another command";
    key->has_command = true;
    buf_put(&key->command, options->force_command);
    return buf_err(&key->command) == ERR_NONE ? NULL : "the forced command is too long";
}

static enum err
check_cert(const struct offer *offer, struct authorized_key *key, struct fault *why)
{
    const struct authorized_query *query = offer->query;
    struct cert_check check = {
        .use = CERT_USER,
        .now = query->now,
        .ca_algos = query->ca_algos,
        .principal = query->user,
        .has_principals_allowed = key->has_principals,
        .principals_allowed = buf_bytes(&key->principals),
        .address = query->address,
    };
    enum err e = cert_verify(offer->cert, &check, why);
    if (e != ERR_NONE)
        return e;
    const char *reason = join_options(&offer->cert->options, key);
    return reason ? fault_set(why, ERR_AUTH, 0, "%s", reason) : ERR_NONE;
}

/* Does this line, which is about the key offered, let it in? */
static enum err
weigh(const struct offer *offer, struct authorized_key *key, struct fault *why)
{
    *why = (struct fault){0};
    const char *reason = check_limits(offer->query, key);
    if (reason)
        return fault_set(why, ERR_AUTH, 0, "%s", reason);
    return offer->cert ? check_cert(offer, key, why) : ERR_NONE;
}

/* The file's owner may fill it with bad lines, but not the log. */
static void
tell(struct offer *offer, const struct authorized_key *key, const char *what,
     const struct fault *why)
{
    const char *file = offer->query->file ? offer->query->file : "authorized_keys";
    if (offer->n_told++ < AUTHORIZED_LOG_MAX)
        log_line(offer->query->log, LOG_LEVEL_VERBOSE, "%s:%u: %s: %s", file, key->line,
                 what, why->text);
}

/* The first line that names the key and lets it in. The limit on tries bounds
 * signature checks: every line may be a cert-authority's. */
static enum err
find(struct offer *offer, struct authorized_key *match)
{
    struct authorized_keys it;
    struct fault why = {0};
    enum authorized_step step;
    authorized_keys_start(&it, offer->query->text, offer->query->utc_offset_s);
    while ((step = authorized_keys_next(&it, match, &why)) != AUTHORIZED_END) {
        if (step == AUTHORIZED_IGNORED) {
            tell(offer, match, "ignored", &why);
            continue;
        }
        if (!is_about(offer, match))
            continue;
        if (offer->n_tries++ == AUTHORIZED_TRIES_MAX)
            return ERR_AUTH;
        enum err e = weigh(offer, match, &why);
        if (e == ERR_NONE || e == ERR_NOMEM)
            return e;
        tell(offer, match, "key refused", &why);
    }
    return ERR_AUTH;
}

enum err
authorized_keys_find(const struct authorized_query *query, struct authorized_key *match)
{
    const struct key_type *type = key_type_of_blob(query->blob);
    struct offer offer = {.query = query};
    struct fault why = {0};
    key_reset(match);
    if (!type)
        return ERR_PROTO;
    enum err e = type->is_cert ? cert_parse(query->blob, &offer.cert, &why) : ERR_NONE;
    if (e == ERR_NONE)
        e = find(&offer, match);
    cert_free(offer.cert);
    if (e != ERR_NONE)
        key_reset(match); /* nothing of a refused line may be acted upon */
    return e;
}
