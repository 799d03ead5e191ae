/*
 * Every keyword of ferryd's configuration: its default, values it takes and how
 * -T shows them, values it refuses, where it may stand. The table of cases must
 * name every row of server_keywords.c.
 */
#include "config/server_keyword.h"
#include "config/server_rig.h"

enum { CASE_VALUES = 6 };

/* A value, what -T prints for it (NULL: the value itself, "" : no line). */
struct value {
    const char *written, *printed;
};

struct option_case {
    const char *keyword;
    const char *standard; /* as printed; NULL: no line */
    struct value good[CASE_VALUES];
    const char *bad[CASE_VALUES];
};

#define YES_NO(keyword, standard)                                            \
    {                                                                        \
        keyword, standard,                                                   \
            {{"yes", NULL}, {"no", NULL}, {"TRUE", "yes"}, {"false", "no"}}, \
        {                                                                    \
            "maybe", "yes no", "1"                                           \
        }                                                                    \
    }
#define ONLY(keyword, harmless, harmful) \
    {                                    \
        keyword, NULL, {{harmless, ""}}, \
        {                                \
            harmful                      \
        }                                \
    }
#define NEUTRAL(keyword)                    \
    {                                       \
        keyword, NULL, {{"any thing", ""}}, \
        {                                   \
            NULL                            \
        }                                   \
    }

#define KEYS ".ssh/authorized_keys .ssh/authorized_keys2"
#define PENALTIES                                                                   \
    " crash:90 authfail:5 invaliduser:5 noauth:1 grace-exceeded:10 min:15 max:600 " \
    "max-sources4:65536 max-sources6:65536"
#define LIST_BAD "weak", "a,,b", "good-a,weak", "good a", "hmac-sha1"

static const struct option_case cases[] = {
    {"Port",
     "22",
     {{"2022", NULL}, {"1", NULL}, {"65535", NULL}},
     {"0", "65536", "ssh", "22 23", "-1"}},
    {"ListenAddress",
     NULL,
     {{"127.0.0.1", NULL},
      {"[::1]:2022", NULL},
      {"::", NULL},
      {"host.example:22", NULL},
      {"*", NULL},
      {"[fe80::1%lo]", NULL}},
     {"host:0", "[::1", "[]:22", ":22", "a/b", "::1:zz"}},
    {"AddressFamily", "any", {{"inet", NULL}, {"INET6", "inet6"}}, {"ipv4", "inet x"}},
    YES_NO("TCPKeepAlive", "yes"),
    {"KeepAlive", NULL, {{"no", ""}}, {"x"}},
    {"TrustedProxies",
     "none",
     {{"192.0.2.0/24,2001:db8::/32", NULL}, {"NONE", "none"}, {"10.1.2.3", NULL}},
     {"192.0.2.0/8", "192.0.2.0/33", "proxy.example", "a,,b", "\"\""}},
    {"HostKey",
     NULL,
     {{"/etc/key", NULL}, {"\"/etc/a key\"", NULL}, {"none", ""}},
     {"key", "/a /b"}},
    {"HostCertificate", NULL, {{"/etc/key-cert.pub", NULL}}, {"cert"}},
    {"Profile", "default", {{"compat", NULL}, {"GOV", "gov"}}, {"modern"}},
    {"KexAlgorithms",
     NULL,
     {{"good-1,good-2", NULL},
      {"+good-1", NULL},
      {"-weak*", NULL},
      {"^good", NULL},
      {"diffie-hellman-group1-sha1,good-1", "good-1"},
      {"+diffie-hellman-group14-sha1", ""}},
     {"weak", "a,,b", "good-a,weak", "diffie-hellman-group1-sha1", "+weak"}},
    {"Ciphers", NULL, {{"good-1,aes128-cbc,good-2", "good-1,good-2"}}, {LIST_BAD}},
    {"MACs", NULL, {{"umac-64-etm@openssh.com,good-1", "good-1"}}, {LIST_BAD}},
    {"HostKeyAlgorithms", NULL, {{"ssh-rsa,good-1", "good-1"}}, {LIST_BAD}},
    {"CASignatureAlgorithms", NULL, {{"^good-1", NULL}}, {LIST_BAD}},
    {"RequiredRSASize",
     "2048",
     {{"1024", NULL}, {"16384", NULL}},
     {"1023", "16385", "2k"}},
    {"Compression", "no", {{"yes", NULL}, {"delayed", "yes"}}, {"zlib"}},
    {"VersionAddendum",
     "none",
     {{"Example 1.0 # x", NULL}, {"none", NULL}},
     {"B\303\274cher"}},
    {"MaxConnections", "512", {{"1", NULL}, {"65536", NULL}}, {"0", "65537", "many"}},
    {"MaxStartups",
     "20:30:200",
     {{"10:30:60", NULL}, {"50", "50:30:50"}},
     {"10:30", "0:30:60", "10:101:60", "60:30:10", "10:30:60:1", "x"}},
    {"PerSourceMaxStartups", "10", {{"1", NULL}, {"none", NULL}}, {"0", "-1", "x"}},
    {"PerSourceNetBlockSize",
     "32:64",
     {{"24:48", NULL}, {"24", "24:128"}, {"0:0", NULL}},
     {"33", "24:129", "a:b", "1:2:3"}},
    {"PerSourcePenalties",
     "yes" PENALTIES,
     {{"no", "no" PENALTIES},
      {"crash:1m max:1h refuseconnection:10s overflow:permissive",
       "yes crash:60 authfail:5 invaliduser:5 noauth:1 grace-exceeded:10 min:15 max:3600 "
       "max-sources4:65536 max-sources6:65536"},
      {"baduser:7 grace:8 max-sources6:9",
       "yes crash:90 authfail:5 invaliduser:7 noauth:1 grace-exceeded:8 min:15 max:600 "
       "max-sources4:65536 max-sources6:9"}},
     {"crash", "crash:x", "theft:1", "max-sources4:0", "overflow:deny-all"}},
    {"PerSourcePenaltyExemptList", "none", {{"10.0.0.0/8", NULL}}, {"10.0.0.1/8"}},
    {"LoginGraceTime",
     "60",
     {{"2m", "120"}, {"0", NULL}, {"1h30m", "5400"}},
     {"none", "-1", "2y", "100000w"}},
    {"Accounts",
     "system virtual",
     {{"virtual", NULL}, {"virtual system", "system virtual"}},
     {"root", "system virtual more"}},
    {"AccountDatabase",
     "/var/lib/ferry/accounts.db",
     {{"/a/b.db", NULL}, {"b.db", "/var/lib/ferry/b.db"}},
     {"\"\""}},
    {"StateDirectory", "/var/lib/ferry", {{"/srv/state", NULL}}, {"state", "\"\""}},
    {"ControlSocket", "/run/ferry/control", {{"/tmp/c", NULL}, {"none", NULL}}, {"c"}},
    {"Sandbox", "best-effort", {{"require", NULL}}, {"no"}},
    {"PreAuthUser", "_ferry-preauth", {{"nobody", NULL}}, {"\"\"", "a b"}},
    {"VirtualUser", "_ferry", {{"ftp", NULL}}, {"\"\""}},
    {"PidFile", "none", {{"/run/ferryd.pid", NULL}}, {"ferryd.pid"}},
    YES_NO("UsePAM", "no"),
    {"PAMServiceName", "ferryd", {{"sshd", NULL}}, {"\"\""}},
    {"DrainTime", "30", {{"0", NULL}, {"5m", "300"}}, {"x"}},
    {"Event",
     NULL,
     {{"upload /bin/x a \"b c\"", NULL}, {"login-failed /bin/y", NULL}},
     {"upload", "upload x", "download /bin/x"}},
    {"EventUser", "none", {{"nobody", NULL}}, {"\"\""}},
    {"EventTimeout", "60", {{"1", NULL}}, {"0", "none"}},
    {"LogLevel", "INFO", {{"debug3", "DEBUG3"}, {"QUIET", NULL}}, {"LOUD", "5"}},
    {"LogStyle", "text", {{"json", NULL}, {"openssh", NULL}}, {"xml"}},
    {"LogTarget", "stderr", {{"syslog", NULL}, {"/var/log/f", NULL}}, {"file"}},
    {"SyslogFacility", "AUTH", {{"local7", "LOCAL7"}, {"AUTHPRIV", NULL}}, {"MAIL"}},
    {"AuditLog", "/var/lib/ferry/audit.log", {{"/x", NULL}, {"none", NULL}}, {"\"\""}},
    {"AllowUsers",
     NULL,
     {{"bob", NULL}, {"*@192.0.2.0/24", NULL}, {"!eve", NULL}},
     {"\"\"", "bob@", "bob@192.0.2.1/8"}},
    {"DenyUsers", NULL, {{"bob@host", NULL}}, {"bob@"}},
    {"AllowGroups", NULL, {{"sftp", NULL}}, {"\"\""}},
    {"DenyGroups", NULL, {{"staff", NULL}}, {"\"\""}},
    {"PermitRootLogin",
     "prohibit-password",
     {{"yes", NULL},
      {"no", NULL},
      {"without-password", "prohibit-password"},
      {"forced-commands-only", NULL}},
     {"maybe", "true"}},
    {"AuthenticationMethods",
     "any",
     {{"publickey,password publickey,keyboard-interactive", NULL},
      {"password", NULL},
      {"any", NULL},
      {"publickey,keyboard-interactive:pam", NULL}},
     {"none", "publickey,", "gssapi-with-mic", "any password", "publickey,,password"}},
    YES_NO("PasswordAuthentication", "yes"),
    YES_NO("PubkeyAuthentication", "yes"),
    YES_NO("KbdInteractiveAuthentication", "yes"),
    {"ChallengeResponseAuthentication", NULL, {{"no", ""}}, {"x"}},
    {"SkeyAuthentication", NULL, {{"no", ""}}, {"x"}},
    {"PermitEmptyPasswords", "no", {{"no", NULL}}, {"yes"}},
    {"MaxAuthTries", "6", {{"1", NULL}, {"1000", NULL}}, {"0", "1001"}},
    {"Banner", "none", {{"/etc/issue.net", NULL}, {"none", NULL}}, {"issue"}},
    {"AuthorizedKeysFile",
     KEYS,
     {{"/etc/keys/%u", NULL}, {"none", NULL}, {"a %h/b", NULL}},
     {"%z", "a%", "\"\""}},
    {"AuthorizedKeysCommand", "none", {{"none", NULL}}, {"keys", "/bin/keys %u"}},
    {"AuthorizedKeysCommandUser", "none", {{"nobody", NULL}}, {"\"\"", "a b"}},
    {"AuthorizedPrincipalsFile", "none", {{"/etc/p/%u", NULL}, {"p", NULL}}, {"%x"}},
    {"TrustedUserCAKeys", "none", {{"/etc/ca", NULL}}, {"ca"}},
    {"RevokedKeys", "none", {{"/etc/krl", NULL}}, {"krl"}},
    {"PubkeyAcceptedAlgorithms", NULL, {{"good-1", NULL}}, {LIST_BAD}},
    {"PubkeyAcceptedKeyTypes", NULL, {{"good-1", ""}}, {"weak"}},
    {"PubkeyAuthOptions",
     "none",
     {{"touch-required", NULL},
      {"verify-required touch-required", "touch-required verify-required"}},
     {"pin", "none touch-required"}},
    {"ChrootDirectory",
     "none",
     {{"/srv/%u", NULL}, {"%h", NULL}, {"none", NULL}},
     {"srv", "/srv/%d", "\"\""}},
    {"ForceCommand",
     "none",
     {{"internal-sftp", NULL},
      {"internal-sftp -l info -R -d '/a b'", "internal-sftp -R -d \"/a b\" -l INFO"},
      {"/usr/lib/openssh/sftp-server -u 027", "internal-sftp -u 0027"},
      {"internal-sftp -e -P remove,write -p open # x",
       "internal-sftp -P remove,write -p open"},
      {"none", NULL}},
     {"/bin/sh", "internal-sftp -x", "internal-sftp -u 9", "internal-sftp -l LOUD",
      "internal-sftp -P fly", "internal-sftp more"}},
    {"Subsystem",
     "sftp internal-sftp",
     {{"sftp /usr/lib/openssh/sftp-server", "sftp internal-sftp"},
      {"sftp \"internal-sftp -R\"", "sftp internal-sftp -R"},
      {"sftp internal-sftp -f LOCAL0 -l VERBOSE", NULL},
      {"sftp internal-sftp -m 0640", NULL}},
     {"netconf /usr/bin/netconf", "sftp", "sftp /bin/sh", "sftp internal-sftp -Q"}},
    {"MaxSessions", "10", {{"0", NULL}, {"1000", NULL}}, {"-1", "x"}},
    {"MaxAccountSessions", "64", {{"none", NULL}, {"3", NULL}}, {"x"}},
    {"ClientAliveInterval", "60", {{"0", NULL}, {"15", NULL}, {"5m", "300"}}, {"x"}},
    {"ClientAliveCountMax", "3", {{"0", NULL}}, {"x", "-1"}},
    {"ChannelTimeout",
     "none",
     {{"session:*=5m", "session:*=300"},
      {"direct-tcpip=1m session=10", "session:*=10"},
      {"x11-connection=5m", "none"},
      {"*=0", "none"},
      {"none", NULL}},
     {"5m", "=5m", "session=x"}},
    {"UnusedConnectionTimeout", "60", {{"5m", "300"}, {"none", "0"}}, {"x"}},
    {"RekeyLimit",
     "default none",
     {{"1G 1h", "1073741824 3600"},
      {"512M", "536870912 none"},
      {"none", "default none"},
      {"default 30m", "default 1800"}},
     {"15", "1G x", "1G 1h 1", "-1"}},
    YES_NO("ReadOnly", "no"),
    {"Permissions",
     NULL,
     {{"/ read", NULL},
      {"/in//box/ upload,mkdir", "/in/box upload,mkdir"},
      {"\"/a b\" all", NULL}},
     {"/in", "in read", "/in fly", "/../x read", "/in read write"}},
    {"RefuseNames", NULL, {{"*.exe", NULL}, {"\"a b\"", NULL}}, {"a/b", "\"\""}},
    {"Umask",
     "0022",
     {{"027", "0027"}, {"0", "0000"}, {"0777", NULL}},
     {"8", "1000", "", "u=rwx"}},
    {"AtomicUploads", "virtual", {{"yes", NULL}, {"no", NULL}, {"virtual", NULL}}, {"x"}},
    YES_NO("DurableUploads", "no"),
    {"UploadRate",
     "none",
     {{"10M", "10485760"}, {"none", NULL}, {"0", "none"}},
     {"10X", "-1", "fast", "9999999999999999999"}},
    {"DownloadRate", "none", {{"1k", "1024"}}, {"x"}},
    {"QuotaSize", "none", {{"1T", "1099511627776"}}, {"x", "9999999T"}},
    {"QuotaFiles", "none", {{"100000", NULL}, {"none", NULL}}, {"1k", "-1"}},

    ONLY("AllowAgentForwarding", "no", "yes"),
    ONLY("AllowStreamLocalForwarding", "no", "local"),
    ONLY("AllowTcpForwarding", "no", "yes"),
    ONLY("AuthorizedPrincipalsCommand", "none", "/bin/p"),
    ONLY("ExposeAuthInfo", "no", "yes"),
    ONLY("FingerprintHash", "sha256", "md5"),
    ONLY("GatewayPorts", "no", "clientspecified"),
    ONLY("GSSAPIAuthentication", "no", "yes"),
    ONLY("GSSAPIKeyExchange", "no", "yes"),
    ONLY("HostbasedAuthentication", "no", "yes"),
    ONLY("HostKeyAgent", "none", "/run/agent"),
    ONLY("KerberosAuthentication", "no", "yes"),
    ONLY("PermitListen", "none", "8080"),
    ONLY("PermitOpen", "none", "any"),
    ONLY("PermitTTY", "no", "yes"),
    ONLY("PermitTunnel", "no", "ethernet"),
    ONLY("PermitUserEnvironment", "no", "LANG,LC_*"),
    ONLY("PermitUserRC", "no", "yes"),
    ONLY("RDomain", "none", "%D"),
    ONLY("RefuseConnection", "no", "yes"),
    ONLY("StrictModes", "yes", "no"),
    ONLY("UseDNS", "no", "yes"),
    ONLY("UseLogin", "no", "yes"),
    ONLY("X11Forwarding", "no", "yes"),

    NEUTRAL("AcceptEnv"),
    NEUTRAL("AuthorizedPrincipalsCommandUser"),
    NEUTRAL("DebianBanner"),
    NEUTRAL("DisableForwarding"),
    NEUTRAL("GSSAPICleanupCredentials"),
    NEUTRAL("GSSAPIDelegateCredentials"),
    NEUTRAL("GSSAPIEnablek5users"),
    NEUTRAL("GSSAPIKexAlgorithms"),
    NEUTRAL("GSSAPIStoreCredentialsOnRekey"),
    NEUTRAL("GSSAPIStrictAcceptorCheck"),
    NEUTRAL("HostbasedAcceptedAlgorithms"),
    NEUTRAL("HostbasedAcceptedKeyTypes"),
    NEUTRAL("HostbasedUsesNameFromPacketOnly"),
    NEUTRAL("IgnoreRhosts"),
    NEUTRAL("IgnoreUserKnownHosts"),
    NEUTRAL("IPQoS"),
    NEUTRAL("KerberosGetAFSToken"),
    NEUTRAL("KerberosOrLocalPasswd"),
    NEUTRAL("KerberosTicketCleanup"),
    NEUTRAL("KerberosUniqueCCache"),
    NEUTRAL("KerberosUseKuserok"),
    NEUTRAL("LogVerbose"),
    NEUTRAL("ModuliFile"),
    NEUTRAL("PrintLastLog"),
    NEUTRAL("PrintMotd"),
    NEUTRAL("SecurityKeyProvider"),
    NEUTRAL("SetEnv"),
    NEUTRAL("SshdAuthPath"),
    NEUTRAL("SshdSessionPath"),
    NEUTRAL("StreamLocalBindMask"),
    NEUTRAL("StreamLocalBindUnlink"),
    NEUTRAL("X11DisplayOffset"),
    NEUTRAL("X11UseLocalhost"),
    NEUTRAL("XAuthLocation"),
    NEUTRAL("AFSTokenPassing"),
    NEUTRAL("AuthorizedKeysFile2"),
    NEUTRAL("CheckMail"),
    NEUTRAL("DSAAuthentication"),
    NEUTRAL("KerberosTgtPassing"),
    NEUTRAL("KeyRegenerationInterval"),
    NEUTRAL("PAMAuthenticationViaKbdInt"),
    NEUTRAL("Protocol"),
    NEUTRAL("ReverseMappingCheck"),
    NEUTRAL("RhostsAuthentication"),
    NEUTRAL("RhostsRSAAuthentication"),
    NEUTRAL("RSAAuthentication"),
    NEUTRAL("ServerKeyBits"),
    NEUTRAL("UsePrivilegeSeparation"),
    NEUTRAL("VerifyReverseMapping"),
};

/* ---- helpers ---- */

static char *
printed_of(const char *text, struct fault *why)
{
    return rig_print(text, NULL, why);
}

static char *
line_of(const char *before, const char *keyword, const char *value)
{
    char *line;
    assert_true(asprintf(&line, "%s%s %s\n", before, keyword, value) > 0);
    return line;
}

static void
lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

/* The keyword's line in a listing, without the keyword; "" when there is none. */
static const char *
value_in(const char *printed, const char *keyword)
{
    char name[64];
    snprintf(name, sizeof name, "%s", keyword);
    lower(name);
    const char *line = rig_line(printed, name);
    return line[0] == '\0' ? "" : line + strlen(name) + 1;
}

/* ---- tests ---- */

static void
every_keyword_of_the_table_has_a_case(void **state)
{
    (void)state;
    const char *name;
    for (size_t i = 0; (name = server_keyword_name(i)); i++) {
        size_t n = 0;
        for (size_t j = 0; j < ARRAY_LEN(cases); j++)
            n += strcmp(cases[j].keyword, name) == 0;
        if (n != 1)
            fail_msg("%s has %zu cases", name, n);
    }
}

static void
nothing_said_means_the_default(void **state)
{
    (void)state;
    struct fault why;
    char *printed = printed_of("", &why);
    assert_non_null(printed);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *wanted = cases[i].standard ? cases[i].standard : "";
        const char *value = value_in(printed, cases[i].keyword);
        if (strcmp(value, wanted) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].keyword, value, wanted);
    }
    free(printed);
}

static void
check_good(const struct option_case *c, const struct value *v)
{
    struct fault why;
    char *text = line_of("", c->keyword, v->written);
    char *printed = printed_of(text, &why);
    if (!printed)
        fail_msg("%s%s", text, why.text);
    const char *wanted = v->printed ? v->printed : v->written;
    const char *value = value_in(printed, c->keyword);
    if (strcmp(value, wanted) != 0)
        fail_msg("%s-> \"%s\", not \"%s\"", text, value, wanted);
    free(printed);
    free(text);
}

static void
a_value_is_taken_and_printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t j = 0; j < CASE_VALUES && cases[i].good[j].written; j++)
            check_good(&cases[i], &cases[i].good[j]);
}

static void
a_wrong_value_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t j = 0; j < CASE_VALUES && cases[i].bad[j]; j++) {
            struct fault why;
            char *text = line_of("# first\n\n", cases[i].keyword, cases[i].bad[j]);
            char *printed = printed_of(text, &why);
            if (printed)
                fail_msg("taken: %s", text);
            /* What needs more than its own line has no line. */
            bool is_whole = strcmp(cases[i].bad[j], "/bin/keys %u") == 0;
            if (!is_whole && strncmp(why.text, "/etc/f.conf:3: ", 15) != 0)
                fail_msg("%s%s", text, why.text);
            free(text);
        }
}

static void
a_keyword_without_a_value_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fault why;
        char *text = line_of("", cases[i].keyword, "");
        assert_null(printed_of(text, &why));
        assert_string_equal(strstr(why.text, ": missing argument") ? "missing" : why.text,
                            "missing");
        free(text);
    }
}

/* sshd_config(5) of OpenSSH 9.2, Match, and what ours adds. */
static const char *const in_match[] = {
    "AcceptEnv", "AllowAgentForwarding", "AllowGroups", "AllowStreamLocalForwarding",
    "AllowTcpForwarding", "AllowUsers", "AuthenticationMethods", "AuthorizedKeysCommand",
    "AuthorizedKeysCommandUser", "AuthorizedKeysFile", "AuthorizedPrincipalsCommand",
    "AuthorizedPrincipalsCommandUser", "AuthorizedPrincipalsFile", "Banner",
    "CASignatureAlgorithms", "ChannelTimeout", "ChrootDirectory", "ClientAliveCountMax",
    "ClientAliveInterval", "DenyGroups", "DenyUsers", "DisableForwarding",
    "ExposeAuthInfo", "ForceCommand", "GatewayPorts", "GSSAPIAuthentication",
    "HostbasedAcceptedAlgorithms", "HostbasedAuthentication",
    "HostbasedUsesNameFromPacketOnly", "IgnoreRhosts", "IPQoS",
    "KbdInteractiveAuthentication", "KerberosAuthentication", "LogLevel", "MaxAuthTries",
    "MaxSessions", "PasswordAuthentication", "PermitEmptyPasswords", "PermitListen",
    "PermitOpen", "PermitRootLogin", "PermitTTY", "PermitTunnel", "PermitUserRC",
    "PubkeyAcceptedAlgorithms", "PubkeyAuthentication", "PubkeyAuthOptions", "RekeyLimit",
    "RevokedKeys", "SetEnv", "StreamLocalBindMask", "StreamLocalBindUnlink",
    "TrustedUserCAKeys", "UnusedConnectionTimeout", "X11DisplayOffset", "X11Forwarding",
    "X11UseLocalhost",
    /* aliases; later versions; ours */
    "ChallengeResponseAuthentication", "SkeyAuthentication", "PubkeyAcceptedKeyTypes",
    "HostbasedAcceptedKeyTypes", "RDomain", "RefuseConnection", "Subsystem",
    "MaxAccountSessions", "ReadOnly", "Permissions", "RefuseNames", "Umask",
    "AtomicUploads", "DurableUploads", "UploadRate", "DownloadRate", "QuotaSize",
    "QuotaFiles"};

static bool
may_stand_in_match(const char *keyword)
{
    for (size_t i = 0; i < ARRAY_LEN(in_match); i++)
        if (strcmp(in_match[i], keyword) == 0)
            return true;
    return false;
}

static void
match_takes_only_what_may_stand_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fault why;
        const struct option_case *c = &cases[i];
        char *text = line_of("Match User bob\n", c->keyword, c->good[0].written);
        char *printed = printed_of(text, &why);
        if ((printed != NULL) != may_stand_in_match(c->keyword))
            fail_msg("%s: %s", c->keyword, printed ? "taken" : why.text);
        if (!printed)
            assert_non_null(strstr(why.text, ":2: "));
        free(printed);
        free(text);
    }
}

/* F1: an option that does not bite. */
static void
in_match_a_value_bites_for_those_it_is_about(void **state)
{
    (void)state;
    const struct server_context bob = {.user = "bob"}, eve = {.user = "eve"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct option_case *c = &cases[i];
        const struct value *v = &c->good[0];
        if (!may_stand_in_match(c->keyword) || (v->printed && v->printed[0] == '\0'))
            continue;
        struct fault why;
        char *text = line_of("Match User bob\n", c->keyword, v->written);
        char *about_bob = rig_print(text, &bob, &why);
        char *about_eve = rig_print(text, &eve, &why);
        assert_string_equal(value_in(about_bob, c->keyword),
                            v->printed ? v->printed : v->written);
        assert_string_equal(value_in(about_eve, c->keyword),
                            c->standard ? c->standard : "");
        free(about_bob);
        free(about_eve);
        free(text);
    }
}

static void
only_one_of_two_lines_holds_unless_lines_add_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct option_case *c = &cases[i];
        const struct server_keyword *k = server_keyword_find(c->keyword);
        if (!c->good[1].written || k->type->accumulates)
            continue;
        struct fault why;
        char *first = line_of("", c->keyword, c->good[0].written);
        char *both = line_of(first, c->keyword, c->good[1].written);
        char *of_first = printed_of(first, &why), *of_both = printed_of(both, &why);
        assert_string_equal(of_first, of_both);
        free(of_first);
        free(of_both);
        free(first);
        free(both);
    }
}

/* ---- what is printed reads as the same ---- */

static uint32_t seed = 20261122;

static uint32_t
below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static char *
random_text(void)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    for (uint32_t i = 0, n = below(20); i < n; i++) {
        const struct option_case *c = &cases[below(ARRAY_LEN(cases))];
        uint32_t n_good = 0;
        while (n_good < CASE_VALUES && c->good[n_good].written)
            n_good++;
        buf_printf(&text, "%s %s\n", c->keyword, c->good[below(n_good)].written);
    }
    char *copy = strdup(buf_cstr(&text));
    buf_clear(&text);
    return copy;
}

static void
what_is_printed_reads_as_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct fault why;
        char *text = random_text();
        char *once = printed_of(text, &why);
        if (!once)
            fail_msg("%s\n%s", text, why.text);
        char *twice = printed_of(once, &why);
        if (!twice)
            fail_msg("%s\n%s", once, why.text);
        if (strcmp(once, twice) != 0)
            fail_msg("of\n%s\nonce\n%s\ntwice\n%s", text, once, twice);
        free(text);
        free(once);
        free(twice);
    }
}

static void
odd_words_survive_printing(void **state)
{
    (void)state;
    static const char *const values[] = {"VersionAddendum == x",
                                         "VersionAddendum a \"b\" # c",
                                         "RefuseNames \"#x\" '\"' \\\\",
                                         "HostKey \"/a b\\\"c\"",
                                         "ForceCommand internal-sftp -d \"/a \\\"b\"",
                                         "Subsystem sftp internal-sftp -d '\"/a b\"'",
                                         "AuthorizedKeysFile '%h/a b' c",
                                         "Permissions \"/a  b\" read",
                                         "Event login /bin/x '' \"=\"",
                                         "Banner /=#"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct fault why;
        char *once = printed_of(values[i], &why);
        if (!once)
            fail_msg("%s: %s", values[i], why.text);
        char *twice = printed_of(once, &why);
        if (!twice)
            fail_msg("%s: %s", values[i], why.text);
        assert_string_equal(once, twice);
        free(once);
        free(twice);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_keyword_of_the_table_has_a_case),
        cmocka_unit_test(nothing_said_means_the_default),
        cmocka_unit_test(a_value_is_taken_and_printed),
        cmocka_unit_test(a_wrong_value_is_refused_with_its_line),
        cmocka_unit_test(a_keyword_without_a_value_is_refused),
        cmocka_unit_test(match_takes_only_what_may_stand_there),
        cmocka_unit_test(in_match_a_value_bites_for_those_it_is_about),
        cmocka_unit_test(only_one_of_two_lines_holds_unless_lines_add_up),
        cmocka_unit_test(what_is_printed_reads_as_the_same),
        cmocka_unit_test(odd_words_survive_printing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
