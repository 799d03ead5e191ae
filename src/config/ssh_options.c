/*
 * The keyword table of ssh_config(5) and the readers of its value types. A new
 * keyword is a member in the header and a row here.
 */
#include "config/ssh_options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/pattern.h"

enum value_type {
    VALUE_STRING,
    VALUE_REST,   /* the rest of the line, a command */
    VALUE_LIST,   /* the line's words; the first line wins */
    VALUE_APPEND, /* one word a line; lines accumulate */
    VALUE_NUMBER, /* within min..max */
    VALUE_TIME,   /* seconds, or "none" for 0 */
    VALUE_WORD,   /* one of `words` */
    VALUE_REKEY,  /* "default|none|SIZE [none|TIME]" */
    VALUE_IGNORED,
};

static const struct option_word strict_words[] = {{"yes", STRICT_YES},
                                                  {"true", STRICT_YES},
                                                  {"no", STRICT_NO},
                                                  {"off", STRICT_NO},
                                                  {"false", STRICT_NO},
                                                  {"ask", STRICT_ASK},
                                                  {"accept-new", STRICT_ACCEPT_NEW},
                                                  {NULL, 0}};
static const struct option_word yes_no_ask[] = {
    {"yes", ANSWER_YES},  {"no", ANSWER_NO},   {"true", ANSWER_YES},
    {"false", ANSWER_NO}, {"ask", ANSWER_ASK}, {NULL, 0}};

struct keyword {
    const char *name;
    enum value_type type;
    size_t offset; /* of the member in struct ssh_options */
    const struct option_word *words;
    int min, max;
};

#define AT(member) offsetof(struct ssh_options, member)
#define STRING(name, member)                       \
    {                                              \
        name, VALUE_STRING, AT(member), NULL, 0, 0 \
    }
#define SWITCH(name, member)                              \
    {                                                     \
        name, VALUE_WORD, AT(member), option_yes_no, 0, 0 \
    }
#define NUMBER(name, member, min, max)                 \
    {                                                  \
        name, VALUE_NUMBER, AT(member), NULL, min, max \
    }
#define IGNORED(name)                      \
    {                                      \
        name, VALUE_IGNORED, 0, NULL, 0, 0 \
    }

static const struct keyword keywords[] = {
    STRING("HostName", hostname),
    STRING("User", user),
    NUMBER("Port", port, 1, 65535),
    {"AddressFamily", VALUE_WORD, AT(address_family), option_families, 0, 0},
    STRING("BindAddress", bind_address),
    STRING("BindInterface", bind_interface),
    {"ConnectTimeout", VALUE_TIME, AT(connect_timeout), NULL, 0, 0},
    NUMBER("ConnectionAttempts", connection_attempts, 1, 1000),
    SWITCH("TCPKeepAlive", tcp_keep_alive),
    {"ProxyCommand", VALUE_REST, AT(proxy_command), NULL, 0, 0},
    STRING("ProxyJump", proxy_jump),

    STRING("HostKeyAlias", host_key_alias),
    {"UserKnownHostsFile", VALUE_LIST, AT(user_known_hosts), NULL, 0, 0},
    {"GlobalKnownHostsFile", VALUE_LIST, AT(global_known_hosts), NULL, 0, 0},
    {"StrictHostKeyChecking", VALUE_WORD, AT(strict_host_key), strict_words, 0, 0},
    SWITCH("HashKnownHosts", hash_known_hosts),
    {"UpdateHostKeys", VALUE_WORD, AT(update_host_keys), yes_no_ask, 0, 0},
    STRING("RevokedHostKeys", revoked_host_keys),
    SWITCH("VisualHostKey", visual_host_key),
    STRING("FingerprintHash", fingerprint_hash),

    {"IdentityFile", VALUE_APPEND, AT(identity_files), NULL, 0, 0},
    {"CertificateFile", VALUE_APPEND, AT(certificate_files), NULL, 0, 0},
    SWITCH("IdentitiesOnly", identities_only),
    STRING("IdentityAgent", identity_agent),
    STRING("PreferredAuthentications", preferred_authentications),
    SWITCH("PubkeyAuthentication", pubkey_authentication),
    SWITCH("PasswordAuthentication", password_authentication),
    SWITCH("KbdInteractiveAuthentication", kbdint_authentication),
    SWITCH("ChallengeResponseAuthentication", kbdint_authentication),
    SWITCH("KeyboardInteractiveAuthentication", kbdint_authentication),
    NUMBER("NumberOfPasswordPrompts", password_prompts, 0, 100),
    SWITCH("BatchMode", batch_mode),

    STRING("KexAlgorithms", kex),
    STRING("Ciphers", ciphers),
    STRING("MACs", macs),
    STRING("HostKeyAlgorithms", host_key_algorithms),
    STRING("PubkeyAcceptedAlgorithms", pubkey_algorithms),
    STRING("PubkeyAcceptedKeyTypes", pubkey_algorithms),
    STRING("CASignatureAlgorithms", ca_algorithms),
    NUMBER("RequiredRSASize", required_rsa_size, 0, 16384),
    {"RekeyLimit", VALUE_REKEY, 0, NULL, 0, 0},
    SWITCH("Compression", compression),
    {"ServerAliveInterval", VALUE_TIME, AT(server_alive_interval), NULL, 0, 0},
    NUMBER("ServerAliveCountMax", server_alive_count_max, 0, 1000000),
    STRING("LogLevel", log_level),
    STRING("IgnoreUnknown", ignore_unknown),

    /* Shells, forwarding, X11, connection sharing, other programs' affairs. */
    IGNORED("AddKeysToAgent"),
    IGNORED("CanonicalDomains"),
    IGNORED("CanonicalizeFallbackLocal"),
    IGNORED("CanonicalizeHostname"),
    IGNORED("CanonicalizeMaxDots"),
    IGNORED("CanonicalizePermittedCNAMEs"),
    IGNORED("ChannelTimeout"),
    IGNORED("CheckHostIP"),
    IGNORED("Cipher"),
    IGNORED("ClearAllForwardings"),
    IGNORED("CompressionLevel"),
    IGNORED("ControlMaster"),
    IGNORED("ControlPath"),
    IGNORED("ControlPersist"),
    IGNORED("DSAAuthentication"),
    IGNORED("DynamicForward"),
    IGNORED("EnableEscapeCommandline"),
    IGNORED("EnableSSHKeysign"),
    IGNORED("EscapeChar"),
    IGNORED("ExitOnForwardFailure"),
    IGNORED("FallBackToRsh"),
    IGNORED("ForkAfterAuthentication"),
    IGNORED("ForwardAgent"),
    IGNORED("ForwardX11"),
    IGNORED("ForwardX11Timeout"),
    IGNORED("ForwardX11Trusted"),
    IGNORED("GatewayPorts"),
    IGNORED("GSSAPIAuthentication"),
    IGNORED("GSSAPIClientIdentity"),
    IGNORED("GSSAPIDelegateCredentials"),
    IGNORED("GSSAPIKexAlgorithms"),
    IGNORED("GSSAPIKeyExchange"),
    IGNORED("GSSAPIRenewalForcesRekey"),
    IGNORED("GSSAPIServerIdentity"),
    IGNORED("GSSAPITrustDns"),
    IGNORED("HostbasedAcceptedAlgorithms"),
    IGNORED("HostbasedAuthentication"),
    IGNORED("HostbasedKeyTypes"),
    IGNORED("IPQoS"),
    IGNORED("KbdInteractiveDevices"),
    IGNORED("KnownHostsCommand"),
    IGNORED("LocalCommand"),
    IGNORED("LocalForward"),
    IGNORED("LogVerbose"),
    IGNORED("NoHostAuthenticationForLocalhost"),
    IGNORED("ObscureKeystrokeTiming"),
    IGNORED("PermitLocalCommand"),
    IGNORED("PermitRemoteOpen"),
    IGNORED("PKCS11Provider"),
    IGNORED("Protocol"),
    IGNORED("ProxyUseFdpass"),
    IGNORED("RefuseConnection"),
    IGNORED("RemoteCommand"),
    IGNORED("RemoteForward"),
    IGNORED("RequestTTY"),
    IGNORED("RhostsRSAAuthentication"),
    IGNORED("RSAAuthentication"),
    IGNORED("SecurityKeyProvider"),
    IGNORED("SendEnv"),
    IGNORED("SessionType"),
    IGNORED("SetEnv"),
    IGNORED("StdinNull"),
    IGNORED("StreamLocalBindMask"),
    IGNORED("StreamLocalBindUnlink"),
    IGNORED("SyslogFacility"),
    IGNORED("Tag"),
    IGNORED("Tunnel"),
    IGNORED("TunnelDevice"),
    IGNORED("UseKeychain"),
    IGNORED("UsePrivilegedPort"),
    IGNORED("UseRoaming"),
    IGNORED("VerifyHostKeyDNS"),
    IGNORED("VersionAddendum"),
    IGNORED("WarnWeakCrypto"),
    IGNORED("XAuthLocation"),
};

static const struct keyword *
keyword_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (strcasecmp(keywords[i].name, name) == 0)
            return &keywords[i];
    return NULL;
}

enum config_keyword_kind
ssh_keyword_kind(const char *name)
{
    const struct keyword *k = keyword_find(name);
    if (!k)
        return KEYWORD_UNKNOWN;
    return k->type == VALUE_IGNORED ? KEYWORD_IGNORED : KEYWORD_SET;
}

/* ---- life ---- */

static char **
string_at(struct ssh_options *o, const struct keyword *k)
{
    return (char **)(void *)((char *)o + k->offset);
}

static int *
number_at(struct ssh_options *o, const struct keyword *k)
{
    return (int *)(void *)((char *)o + k->offset);
}

static struct option_list *
list_at(struct ssh_options *o, const struct keyword *k)
{
    return (struct option_list *)(void *)((char *)o + k->offset);
}

void
ssh_options_init(struct ssh_options *o)
{
    memset(o, 0, sizeof *o);
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        enum value_type type = keywords[i].type;
        if (type == VALUE_NUMBER || type == VALUE_TIME || type == VALUE_WORD)
            *number_at(o, &keywords[i]) = OPTION_UNSET;
    }
    o->rekey_octets = o->rekey_seconds = OPTION_UNSET;
}

void
ssh_options_clear(struct ssh_options *o)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct keyword *k = &keywords[i];
        if (k->type == VALUE_STRING || k->type == VALUE_REST) {
            free(*string_at(o, k));
            *string_at(o, k) = NULL;
        } else if (k->type == VALUE_LIST || k->type == VALUE_APPEND) {
            option_list_clear(list_at(o, k));
        }
    }
}

void
ssh_options_fill_defaults(struct ssh_options *o)
{
    const struct {
        int *member, value;
    } defaults[] = {
        {&o->port, 22},
        {&o->address_family, FAMILY_ANY},
        {&o->connect_timeout, 0},
        {&o->connection_attempts, 1},
        {&o->server_alive_interval, 0},
        {&o->server_alive_count_max, 3},
        {&o->password_prompts, 3},
        {&o->required_rsa_size, 2048},
        {&o->strict_host_key, STRICT_ASK},
        {&o->update_host_keys, ANSWER_YES},
        {&o->batch_mode, 0},
        {&o->compression, 0},
        {&o->identities_only, 0},
        {&o->hash_known_hosts, 0},
        {&o->tcp_keep_alive, 1},
        {&o->visual_host_key, 0},
        {&o->pubkey_authentication, 1},
        {&o->password_authentication, 1},
        {&o->kbdint_authentication, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        if (*defaults[i].member == OPTION_UNSET)
            *defaults[i].member = defaults[i].value;
    if (o->rekey_octets == OPTION_UNSET)
        o->rekey_octets = 0;
    if (o->rekey_seconds == OPTION_UNSET)
        o->rekey_seconds = 0;
}

/* ---- values ---- */

static enum err
set_number(int *member, int value)
{
    if (*member == OPTION_UNSET)
        *member = value;
    return ERR_NONE;
}

static enum err
set_string(char **member, struct bytes value)
{
    if (*member)
        return ERR_NONE;
    *member = strndup((const char *)value.p, value.n);
    return *member ? ERR_NONE : ERR_NOMEM;
}

static enum err
set_list(struct option_list *list, const struct words *w)
{
    if (list->n != 0)
        return ERR_NONE;
    enum err e = ERR_NONE;
    for (size_t i = 1; i < w->n && e == ERR_NONE; i++)
        e = option_list_add(list, words_at(w, i));
    return e;
}

static enum err
set_rekey(struct ssh_options *o, const struct words *w, bool is_active, struct buf *why)
{
    struct rekey_limit limit;
    const char *bad;
    const char *sentence = value_rekey_limit(w, &limit, &bad);
    if (sentence)
        return value_refuse(why, words_at(w, 0), sentence, bad);
    if (is_active && o->rekey_octets == OPTION_UNSET) {
        o->rekey_octets = limit.octets;
        o->rekey_seconds = limit.seconds;
    }
    return ERR_NONE;
}

static bool
read_scalar(const struct keyword *k, const char *value, int *x)
{
    int64_t number = 0;
    if (k->type == VALUE_TIME)
        return value_time(value, x);
    if (k->type == VALUE_WORD)
        return value_word(k->words, value, x);
    bool is_right = value_number(value, k->min, k->max, &number);
    *x = (int)number;
    return is_right;
}

/* Rows whose value is one number: read it, refuse nonsense even when inactive. */
static enum err
set_scalar(struct ssh_options *o, const struct keyword *k, const char *value,
           bool is_active, struct buf *why)
{
    int x;
    if (!read_scalar(k, value, &x))
        return value_refuse(why, k->name, "unsupported value", value);
    return is_active ? set_number(number_at(o, k), x) : ERR_NONE;
}

static enum err
set_text(struct ssh_options *o, const struct keyword *k, const struct words *w)
{
    switch (k->type) {
    case VALUE_STRING:
        return set_string(string_at(o, k), bytes_str(words_at(w, 1)));
    case VALUE_REST:
        return set_string(string_at(o, k), w->rest);
    case VALUE_LIST:
        return set_list(list_at(o, k), w);
    case VALUE_APPEND:
        return option_list_add(list_at(o, k), words_at(w, 1));
    default:
        return ERR_BUG;
    }
}

static enum err
set_row(struct ssh_options *o, const struct keyword *k, const struct words *w,
        bool is_active, struct buf *why)
{
    if (k->type == VALUE_IGNORED)
        return ERR_NONE;
    if (w->n < 2)
        return value_refuse(why, k->name, "missing argument", NULL);
    size_t most = k->type == VALUE_REKEY                           ? 3
                  : k->type == VALUE_LIST || k->type == VALUE_REST ? CONFIG_WORDS_MAX
                                                                   : 2;
    if (w->n > most)
        return value_refuse(why, k->name, "extra argument", words_at(w, most));
    if (k->type == VALUE_REKEY)
        return set_rekey(o, w, is_active, why);
    if (k->type == VALUE_NUMBER || k->type == VALUE_TIME || k->type == VALUE_WORD)
        return set_scalar(o, k, words_at(w, 1), is_active, why);
    if (!is_active)
        return ERR_NONE;
    enum err e = set_text(o, k, w);
    return e == ERR_LIMIT ? value_refuse(why, k->name, "too many values", NULL) : e;
}

static bool
is_unknown_ignored(const struct ssh_options *o, const char *name)
{
    return o->ignore_unknown &&
           pattern_list_match(bytes_str(o->ignore_unknown), bytes_str(name),
                              PATTERN_FOLD) == PATTERN_YES;
}

enum err
ssh_options_set(struct ssh_options *o, const struct words *w, bool is_active,
                struct buf *why)
{
    const char *name = words_at(w, 0);
    const struct keyword *k = keyword_find(name);
    if (k)
        return set_row(o, k, w, is_active, why);
    if (is_unknown_ignored(o, name))
        return ERR_NONE;
    return value_refuse(why, "Bad configuration option", "unknown keyword", name);
}

enum err
ssh_options_set_text(struct ssh_options *o, const char *text, struct buf *why)
{
    struct words words;
    words_init(&words);
    const char *sentence = NULL;
    enum err e = words_split(&words, bytes_str(text), &sentence);
    if (e == ERR_PROTO)
        e = value_refuse(why, "-o", sentence, text);
    else if (e == ERR_NONE && words.n == 0)
        e = value_refuse(why, "-o", "no keyword in", text);
    else if (e == ERR_NONE)
        e = ssh_options_set(o, &words, true, why);
    words_clear(&words);
    return e;
}
