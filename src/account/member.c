/* See member.h. */
#include "account/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "account/name.h"
#include "base/address.h"
#include "base/utf8.h"
#include "vfs/policy.h"

/* ---- checks of texts ---- */

static bool
is_group_name(const char *text, struct fault *why)
{
    if (user_name_is_valid(bytes_str(text)))
        return true;
    fault_set(why, ERR_PROTO, 0,
              "not a name: 1 to %d of the characters A-Z a-z 0-9 . _ @ + -, "
              "beginning with neither - nor .",
              ACCOUNT_NAME_MAX);
    return false;
}

/* Absolute, without "..", and with no token but %u and %%. */
static bool
is_root(const char *text, struct fault *why)
{
    if (text[0] != '/') {
        fault_set(why, ERR_PROTO, 0, "not an absolute path");
        return false;
    }
    for (const char *at = strstr(text, "/.."); at; at = strstr(at + 1, "/.."))
        if (at[3] == 0 || at[3] == '/') {
            fault_set(why, ERR_PROTO, 0, "must not hold \"..\"");
            return false;
        }
    for (const char *at = strchr(text, '%'); at; at = strchr(at + 2, '%'))
        if (at[1] != 'u' && at[1] != '%') {
            fault_set(why, ERR_PROTO, 0, "only %%u and %%%% may follow a %%");
            return false;
        }
    return true;
}

static bool
is_method(struct bytes method)
{
    static const char *const methods[] = {"publickey", "password",
                                          "keyboard-interactive"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (bytes_eq_str(method, methods[i]))
            return true;
    return false;
}

/* Chains behind blanks, each of methods behind commas. */
static bool
is_chain(const char *text, struct fault *why)
{
    for (const char *at = text + strspn(text, " "); *at; at += strspn(at, " ")) {
        struct bytes rest = bytes_of(at, strcspn(at, " ")), method;
        bool ends_in_comma = rest.p[rest.n - 1] == ',';
        at += rest.n;
        while (bytes_next_item(&rest, &method))
            if (ends_in_comma || !is_method(method)) {
                fault_set(why, ERR_PROTO, 0,
                          "chains of publickey, password, keyboard-interactive; a comma "
                          "between the factors of one chain, a blank between chains");
                return false;
            }
    }
    return true;
}

/* Each item by itself: a list may match before its last item is looked at. */
static bool
is_networks(const char *text, struct fault *why)
{
    struct bytes rest = bytes_str(text), item;
    while (bytes_next_item(&rest, &item))
        if (item.n == 0 || item.p[0] == '!' ||
            cidr_list_match(item, BYTES_LIT("192.0.2.1")) == PATTERN_BAD) {
            fault_set(why, ERR_PROTO, 0, "\"%.*s\" is no address or network",
                      (int)(item.n < 64 ? item.n : 64), (const char *)item.p);
            return false;
        }
    return true;
}

static bool
is_patterns(const char *text, struct fault *why)
{
    struct bytes rest = bytes_str(text), item;
    while (bytes_next_item(&rest, &item))
        if (item.n == 0 || memchr(item.p, '/', item.n)) {
            fault_set(why, ERR_PROTO, 0,
                      "patterns of single names: neither empty nor with a /");
            return false;
        }
    return true;
}

static bool
is_rights(const char *text, struct fault *why)
{
    struct policy *policy = NULL;
    if (policy_parse(text, "", false, &policy, why) != ERR_NONE)
        return false;
    policy_free(policy);
    return true;
}

/* ---- the table ---- */

#define AT(field) offsetof(struct account_record, field)

const struct account_member account_members[MEMBER_IDS] = {
    [MEMBER_ID_GROUP] = {"group", "group_name", MEMBER_TEXT, AT(group), 1,
                         ACCOUNT_NAME_MAX, "GROUP",
                         "take what is not set here from GROUP", 0, is_group_name},
    [MEMBER_ID_ROOT] = {"root", "root", MEMBER_TEXT, AT(root), 1, PATH_MAX - 1, "DIR",
                        "the directory shown as /; %u stands for the name", 0, is_root},
    [MEMBER_ID_CHAIN] = {"chain", "chain", MEMBER_TEXT, AT(chain), 1, ACCOUNT_CHAIN_MAX,
                         "METHODS",
                         "what a login needs, as AuthenticationMethods: "
                         "\"publickey,password\"",
                         ' ', is_chain},
    [MEMBER_ID_EXPIRES] = {"expires", "expires", MEMBER_DATE, AT(expires), 0,
                           ACCOUNT_NEVER_EXPIRES, "DATE",
                           "no login after this day, YYYY-MM-DD (UTC); or never", 0,
                           NULL},
    [MEMBER_ID_NETWORKS] = {"networks", "networks", MEMBER_TEXT, AT(networks), 1,
                            ACCOUNT_LIST_MAX, "CIDRS", "logins from these networks only",
                            ',', is_networks},
    [MEMBER_ID_REFUSED_NAMES] = {"refuse-names", "refused_names", MEMBER_TEXT,
                                 AT(refused_names), 1, ACCOUNT_LIST_MAX, "PATTERN",
                                 "file names that cannot be made: \"*.exe\"", ',',
                                 is_patterns},
    [MEMBER_ID_RIGHTS] = {"permissions", "rights", MEMBER_TEXT, AT(rights), 1,
                          ACCOUNT_RIGHTS_MAX, "\"PATH RIGHTS\"",
                          "what may be done below PATH: all, read, none, dropbox or "
                          "list,download,upload,...",
                          '\n', is_rights},
    [MEMBER_ID_MAX_SESSIONS] = {"max-sessions", "max_sessions", MEMBER_LIMIT,
                                AT(max_sessions), 0, 100000, "N",
                                "connections at a time; or none: no limit", 0, NULL},
    [MEMBER_ID_UPLOAD_RATE] = {"upload-rate", "upload_rate", MEMBER_SIZE, AT(upload_rate),
                               0, INT64_C(1) << 50, "SIZE",
                               "octets a second, over all connections: 10M; or none", 0,
                               NULL},
    [MEMBER_ID_DOWNLOAD_RATE] = {"download-rate", "download_rate", MEMBER_SIZE,
                                 AT(download_rate), 0, INT64_C(1) << 50, "SIZE",
                                 "the same for downloads", 0, NULL},
    [MEMBER_ID_QUOTA_OCTETS] = {"quota", "quota_octets", MEMBER_SIZE, AT(quota_octets), 0,
                                INT64_C(1) << 60, "SIZE",
                                "octets that may be stored: 10G; or none", 0, NULL},
    [MEMBER_ID_QUOTA_FILES] = {"quota-files", "quota_files", MEMBER_LIMIT,
                               AT(quota_files), 0, INT64_C(1) << 40, "N",
                               "files that may be stored; or none", 0, NULL},
    /* Not 0: no virtual account acts as root. -1 is the kernel's "leave as it is". */
    [MEMBER_ID_UID] = {"uid", "uid", MEMBER_NUMBER, AT(uid), 1, UINT32_MAX - 1, "N",
                       "the system's user id to act as, when ferryd runs as root", 0,
                       NULL},
    [MEMBER_ID_GID] = {"gid", "gid", MEMBER_NUMBER, AT(gid), 1, UINT32_MAX - 1, "N",
                       "the group id to act as", 0, NULL},
    [MEMBER_ID_UMASK] = {"umask", "umask", MEMBER_OCTAL, AT(umask), 0, 0777, "MODE",
                         "bits that new files don't get, octal", 0, NULL},
    [MEMBER_ID_READ_ONLY] = {"read-only", "is_read_only", MEMBER_FLAG, AT(is_read_only),
                             0, 1, NULL, "refuse every change", 0, NULL},
    [MEMBER_ID_ATOMIC] = {"atomic-uploads", "is_atomic", MEMBER_FLAG, AT(is_atomic), 0, 1,
                          NULL, "an upload appears under its name when it is whole", 0,
                          NULL},
    [MEMBER_ID_DURABLE] = {"durable", "is_durable", MEMBER_FLAG, AT(is_durable), 0, 1,
                           NULL, "an upload is on the disk before it is acknowledged", 0,
                           NULL},
};

/* ---- access ---- */

const char *
account_member_text(const struct account_member *m, const struct account_record *r)
{
    return (const char *)r + m->offset;
}

int64_t
account_member_number(const struct account_member *m, const struct account_record *r)
{
    int64_t x;
    memcpy(&x, (const char *)r + m->offset, sizeof x);
    return x;
}

static void
put_number(const struct account_member *m, struct account_record *r, int64_t x)
{
    memcpy((char *)r + m->offset, &x, sizeof x);
}

static void
put_text(const struct account_member *m, struct account_record *r, const char *text)
{
    snprintf((char *)r + m->offset, (size_t)m->max + 1, "%s", text);
}

bool
account_member_is_set(const struct account_member *m, const struct account_record *r)
{
    return m->kind == MEMBER_TEXT ? account_member_text(m, r)[0] != 0
                                  : account_member_number(m, r) != ACCOUNT_UNSET;
}

void
account_member_unset(const struct account_member *m, struct account_record *r)
{
    if (m->kind == MEMBER_TEXT)
        put_text(m, r, "");
    else
        put_number(m, r, ACCOUNT_UNSET);
}

void
account_record_init(struct account_record *r, bool is_group, const char *name)
{
    memset(r, 0, sizeof *r);
    snprintf(r->name, sizeof r->name, "%s", name);
    r->is_group = is_group;
    for (size_t i = 0; i < MEMBER_IDS; i++)
        account_member_unset(&account_members[i], r);
    r->created = r->changed = r->last_login = ACCOUNT_UNSET;
}

void
account_record_inherit(struct account_record *r, const struct account_record *group)
{
    if (!group)
        return;
    r->is_disabled = r->is_disabled || group->is_disabled;
    for (size_t i = 0; i < MEMBER_IDS; i++) {
        const struct account_member *m = &account_members[i];
        if (account_member_is_set(m, r) || !account_member_is_set(m, group))
            continue;
        if (m->kind == MEMBER_TEXT)
            put_text(m, r, account_member_text(m, group));
        else
            put_number(m, r, account_member_number(m, group));
    }
}

/* ---- from texts ---- */

/* At most 15 digits of a base up to 10, so that no sum overflows. */
static bool
parse_digits(const char *text, size_t n, int64_t base, int64_t *x)
{
    *x = 0;
    if (n == 0 || n > 15)
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t digit = text[i] - '0';
        if (digit < 0 || digit >= base)
            return false;
        *x = *x * base + digit;
    }
    return true;
}

static const char size_units[] = "KMGT";

static bool
parse_size(const char *text, int64_t *x)
{
    size_t n = strlen(text);
    unsigned shift = 0;
    if (n != 0) {
        char last = (char)(text[n - 1] & ~0x20);
        const char *unit = last ? strchr(size_units, last) : NULL;
        if (unit) {
            shift = 10 * (unsigned)(unit - size_units + 1);
            n--;
        }
    }
    if (!parse_digits(text, n, 10, x) || *x > INT64_MAX >> shift)
        return false;
    *x <<= shift;
    return true;
}

/* The last second of a day, so that "expires 2026-12-31" includes that day. */
static bool
parse_date(const char *text, int64_t *x)
{
    int64_t year, month, day;
    if (strcmp(text, "never") == 0) {
        *x = ACCOUNT_NEVER_EXPIRES;
        return true;
    }
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return parse_digits(text, strlen(text), 10, x);
    if (!parse_digits(text, 4, 10, &year) || !parse_digits(text + 5, 2, 10, &month) ||
        !parse_digits(text + 8, 2, 10, &day) || year < 1970)
        return false;
    struct tm tm = {.tm_year = (int)year - 1900,
                    .tm_mon = (int)month - 1,
                    .tm_mday = (int)day,
                    .tm_hour = 23,
                    .tm_min = 59,
                    .tm_sec = 59};
    *x = timegm(&tm);
    /* timegm made something of it; a 31st of April became the 1st of May. */
    return tm.tm_mon == (int)month - 1 && tm.tm_mday == (int)day;
}

static bool
parse_flag(const char *text, int64_t *x)
{
    *x = strcmp(text, "yes") == 0;
    return *x || strcmp(text, "no") == 0;
}

static bool
parse_number(const struct account_member *m, const char *text, int64_t *x)
{
    bool is_none = strcmp(text, "none") == 0;
    *x = 0;
    switch (m->kind) {
    case MEMBER_TEXT:
        return false;
    case MEMBER_NUMBER:
        return parse_digits(text, strlen(text), 10, x);
    case MEMBER_LIMIT:
        return is_none || parse_digits(text, strlen(text), 10, x);
    case MEMBER_SIZE:
        return is_none || parse_size(text, x);
    case MEMBER_OCTAL:
        return parse_digits(text, strlen(text), 8, x);
    case MEMBER_DATE:
        return parse_date(text, x);
    case MEMBER_FLAG:
        return parse_flag(text, x);
    }
    return false;
}

/* One line for people and for columns of other programs; rights are several. */
static bool
is_printable(const struct account_member *m, const char *text)
{
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c < 0x20 && !(c == '\n' && m->separator == '\n')) || c == 0x7f)
            return false;
    }
    return utf8_is_valid(bytes_str(text));
}

static enum err
check_text(const struct account_member *m, const char *text, struct fault *why)
{
    struct fault detail = {0};
    size_t n = strlen(text);
    if (n > (size_t)m->max)
        return fault_set(why, ERR_PROTO, 0, "%s: longer than %" PRId64 " octets", m->name,
                         m->max);
    if (!is_printable(m, text))
        return fault_set(why, ERR_PROTO, 0, "%s: not printable text", m->name);
    if (m->check && !m->check(text, &detail))
        return fault_set(why, ERR_PROTO, 0, "%s: %.200s", m->name, detail.text);
    return ERR_NONE;
}

static enum err
check_number(const struct account_member *m, int64_t x, struct fault *why)
{
    if (x >= m->min && x <= m->max)
        return ERR_NONE;
    return fault_set(why, ERR_PROTO, 0, "%s: not within %" PRId64 " and %" PRId64,
                     m->name, m->min, m->max);
}

enum err
account_member_load_text(const struct account_member *m, struct account_record *r,
                         const char *text, struct fault *why)
{
    enum err err = check_text(m, text, why);
    if (err == ERR_NONE)
        put_text(m, r, text);
    return err;
}

enum err
account_member_load_number(const struct account_member *m, struct account_record *r,
                           int64_t x, struct fault *why)
{
    enum err err = check_number(m, x, why);
    if (err == ERR_NONE)
        put_number(m, r, x);
    return err;
}

enum err
account_member_set(const struct account_member *m, struct account_record *r,
                   const char *text, struct fault *why)
{
    int64_t x;
    if (!*text)
        return fault_set(why, ERR_PROTO, 0, "%s: empty", m->name);
    if (m->kind == MEMBER_TEXT)
        return account_member_load_text(m, r, text, why);
    if (!parse_number(m, text, &x))
        return fault_set(why, ERR_PROTO, 0, "%s: not a value it takes: \"%.60s\" (%s)",
                         m->name, text, m->help);
    return account_member_load_number(m, r, x, why);
}

/* ---- to texts ---- */

/* The largest unit that divides it: 10G, not 10737418240. */
static void
put_size(int64_t x, struct buf *out)
{
    size_t unit = 0;
    while (x != 0 && x % 1024 == 0 && unit < sizeof size_units - 1) {
        x /= 1024;
        unit++;
    }
    buf_printf(out, "%" PRId64, x);
    if (unit != 0)
        buf_put_u8(out, (uint8_t)size_units[unit - 1]);
}

static void
put_date(int64_t x, struct buf *out)
{
    struct tm tm;
    time_t t = (time_t)x;
    char text[32] = "";
    if (x == ACCOUNT_NEVER_EXPIRES)
        buf_put_str(out, "never");
    else if (x % 86400 == 86399 && gmtime_r(&t, &tm) &&
             strftime(text, sizeof text, "%Y-%m-%d", &tm) != 0)
        buf_put_str(out, text);
    else
        buf_printf(out, "%" PRId64, x);
}

void
account_member_put(const struct account_member *m, const struct account_record *r,
                   struct buf *out)
{
    if (!account_member_is_set(m, r))
        return;
    int64_t x = m->kind == MEMBER_TEXT ? 0 : account_member_number(m, r);
    switch (m->kind) {
    case MEMBER_TEXT:
        buf_put_str(out, account_member_text(m, r));
        break;
    case MEMBER_NUMBER:
        buf_printf(out, "%" PRId64, x);
        break;
    case MEMBER_LIMIT:
    case MEMBER_SIZE:
        if (x == 0)
            buf_put_str(out, "none");
        else if (m->kind == MEMBER_SIZE)
            put_size(x, out);
        else
            buf_printf(out, "%" PRId64, x);
        break;
    case MEMBER_OCTAL:
        buf_printf(out, "%03" PRIo64, (uint64_t)x);
        break;
    case MEMBER_DATE:
        put_date(x, out);
        break;
    case MEMBER_FLAG:
        buf_put_str(out, x ? "yes" : "no");
        break;
    }
}
