/* See target.h. */
#include "cli/target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"

static const char scheme[] = "sftp://";

static bool
is_url(const char *text)
{
    return strncasecmp(text, scheme, sizeof scheme - 1) == 0;
}

/* The colon behind the host of an scp-like name; NULL: none. */
static const char *
host_colon(const char *text)
{
    const char *at = memrchr(text, '@', strcspn(text, ":/["));
    const char *host = at ? at + 1 : text;
    if (*host == '[') {
        const char *close = strchr(host, ']');
        return close && close[1] == ':' ? close + 1 : NULL;
    }
    const char *colon = strchr(host, ':'), *slash = strchr(host, '/');
    return colon && (!slash || colon < slash) ? colon : NULL;
}

bool
target_is_remote(const char *text)
{
    return is_url(text) || host_colon(text) != NULL;
}

void
target_clear(struct target *t)
{
    free(t->user);
    free(t->host);
    free(t->path);
    *t = (struct target){0};
}

static bool
is_host_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr(".-_:%", c) != NULL || c >= 0x80;
}

/* Nothing that a shell, an option parser or known_hosts could take for its own. */
static bool
host_is_valid(const char *host)
{
    if (host[0] == '-' || strlen(host) > 255)
        return false;
    for (const char *p = host; *p; p++)
        if (!is_host_octet((uint8_t)*p))
            return false;
    return true;
}

/* User names may be odd ("DOMAIN\\me", "me@host"), but hold no control octets,
 * quotes or other shell syntax, and are no option. */
static bool
user_is_valid(const char *user)
{
    if (user[0] == '\0' || user[0] == '-' || strlen(user) > 255)
        return false;
    size_t n = strlen(user);
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)user[i] < 0x20 || user[i] == 0x7f ||
            strchr("'`\"$<>|;&(){}", user[i]) || strncmp(user + i, " -", 2) == 0)
            return false;
    return user[n - 1] != '\\';
}

static enum err
check(const struct target *t, const char **why)
{
    if (!t->host || !t->path)
        return ERR_NOMEM;
    *why = "the user name is empty or has characters that are not allowed";
    if (t->user && !user_is_valid(t->user))
        return ERR_PROTO;
    *why = "the host name has characters that are not allowed";
    return host_is_valid(t->host) ? ERR_NONE : ERR_PROTO;
}

/* "[user@]host" in text[0..n): the last @ parts them, so a user may hold one. */
static void
take_user_and_host(struct target *t, const char *text, size_t n)
{
    const char *at = memrchr(text, '@', n);
    if (at) {
        t->user = strndup(text, (size_t)(at - text));
        n -= (size_t)(at - text) + 1;
        text = at + 1;
    }
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
        t->host = strndup(text + 1, n - 2);
    else
        t->host = strndup(text, n);
}

/* ---- URLs ---- */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo percent-encoding in place. False: broken, or an encoded NUL. */
static bool
percent_decode(char *s)
{
    if (!s)
        return true;
    char *out = s;
    for (; *s; s++, out++) {
        *out = *s;
        if (*s != '%')
            continue;
        int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
        if (low < 0 || (high | low) == 0)
            return false;
        *out = (char)(high << 4 | low);
        s += 2;
    }
    *out = '\0';
    return true;
}

/* Where the port's colon is in authority[0..n); n: none. */
static size_t
port_colon(const char *authority, size_t n)
{
    const char *close = memrchr(authority, ']', n);
    size_t from = close ? (size_t)(close - authority) : 0;
    const char *at = memrchr(authority, '@', n);
    if (at && (size_t)(at - authority) > from)
        from = (size_t)(at - authority);
    const char *colon = memchr(authority + from, ':', n - from);
    return colon ? (size_t)(colon - authority) : n;
}

/* Digits p[0..n) as a port; 0: not one. */
static uint16_t
port_number(const char *p, size_t n)
{
    uint32_t port = 0;
    if (n == 0 || n > 5)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return 0;
        port = port * 10 + (uint32_t)(p[i] - '0');
    }
    return port <= 65535 ? (uint16_t)port : 0;
}

/* "/~" and "/~/x" mean the login directory; all else is absolute. */
static char *
url_path(const char *p)
{
    if (strcmp(p, "/~") == 0 || strcmp(p, "/~/") == 0)
        return strdup("");
    return strdup(strncmp(p, "/~/", 3) == 0 ? p + 3 : p);
}

static enum err
parse_url(const char *text, struct target *t, const char **why)
{
    const char *authority = text + sizeof scheme - 1;
    size_t n = strcspn(authority, "/?#");
    size_t colon = port_colon(authority, n);
    if (colon < n) {
        t->port = port_number(authority + colon + 1, n - colon - 1);
        *why = "the port in the URL is not a number from 1 to 65535";
        if (t->port == 0)
            return ERR_PROTO;
    }
    take_user_and_host(t, authority, colon);
    t->path = url_path(authority + n);
    *why = "the URL's percent-encoding is broken";
    if (!percent_decode(t->user) || !percent_decode(t->host) || !percent_decode(t->path))
        return ERR_PROTO;
    enum err e = check(t, why);
    if (e == ERR_NONE && t->host[0] == '\0') {
        *why = "the URL names no host";
        return ERR_PROTO;
    }
    return e;
}

enum err
target_parse(const char *text, struct target *t, const char **why)
{
    *t = (struct target){0};
    if (is_url(text))
        return parse_url(text, t, why);
    const char *colon = host_colon(text);
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    take_user_and_host(t, text, n);
    t->path = strdup(colon ? colon + 1 : "");
    return check(t, why);
}

static bool
is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool
target_is_same_host(const struct target *a, const struct target *b)
{
    return strcasecmp(a->host, b->host) == 0 && is_same(a->user, b->user) &&
           a->port == b->port;
}
