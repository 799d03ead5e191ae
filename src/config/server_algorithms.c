/*
 * Algorithm lists of ferryd: comma-separated names, maybe with + - or ^ in
 * front. Which names the program knows, the reader of the configuration says.
 * Names that OpenSSH has and Ferry has not are left out rather than refused, so
 * that a hardened sshd_config works unchanged: a list only ever permits, and a
 * name less permits less. A list that is empty then is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/pattern.h"
#include "config/server_keyword.h"

/* Of OpenSSH 9.2 to 10.2 and what it once had, patterns allowed. */
static const char foreign[] =
    "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,"
    "diffie-hellman-group-exchange-sha1,gss-*,"
    "ssh-rsa,ssh-dss,ssh-rsa-cert-v0?@openssh.com,ssh-dss-cert-v0?@openssh.com,"
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com,"
    "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc,rijndael-cbc@lysator.liu.se,"
    "blowfish-cbc,cast128-cbc,arcfour,arcfour128,arcfour256,"
    "hmac-md5,hmac-md5-96,hmac-sha1,hmac-sha1-96,hmac-ripemd160,"
    "hmac-ripemd160@openssh.com,umac-64@openssh.com,umac-128@openssh.com,"
    "hmac-md5-etm@openssh.com,hmac-md5-96-etm@openssh.com,hmac-sha1-etm@openssh.com,"
    "hmac-sha1-96-etm@openssh.com,hmac-ripemd160-etm@openssh.com,"
    "umac-64-etm@openssh.com,umac-128-etm@openssh.com";

static bool
is_foreign(struct bytes name)
{
    return pattern_list_match(bytes_of(foreign, sizeof foreign - 1), name,
                              PATTERN_EXACT) == PATTERN_YES;
}

/* RFC 4251 6: printable ASCII without a comma. */
static bool
is_name(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= 0x20 || name.p[i] > 0x7e)
            return false;
    return name.n != 0;
}

static enum err
refuse_name(const struct server_line *line, const char *sentence, struct bytes name)
{
    char text[80];
    snprintf(text, sizeof text, "%.*s", (int)bytes_first(name, sizeof text - 1).n,
             name.n != 0 ? (const char *)name.p : "");
    return value_refuse(line->why, line->keyword->name, sentence, text);
}

/* Append the names that are ours. */
static enum err
take_names(const struct server_line *line, struct bytes names, bool are_patterns,
           struct buf *out)
{
    struct bytes name;
    size_t start = out->n;
    while (bytes_next_item(&names, &name)) {
        if (!is_name(name))
            return refuse_name(line, "not a list of algorithms with commas", name);
        if (!are_patterns && is_foreign(name))
            continue;
        if (!are_patterns && !server_knows(line, line->keyword->vocabulary, name))
            return refuse_name(line, "unknown algorithm", name);
        if (out->n != start)
            buf_put_u8(out, ',');
        buf_put(out, name);
    }
    return ERR_NONE;
}

static enum err
read_algorithms(struct server_options *o, const struct server_line *line)
{
    char **member = server_member(o, line->keyword);
    struct bytes names = bytes_str(words_at(line->words, 1));
    struct buf taken;
    buf_init(&taken, CONFIG_LINE_MAX);
    bool is_edit = names.n != 0 && strchr("+-^", names.p[0]) != NULL;
    bool are_patterns = is_edit && names.p[0] == '-';
    if (is_edit) {
        buf_put(&taken, bytes_first(names, 1));
        names = bytes_skip(names, 1);
    }
    enum err e = take_names(line, names, are_patterns, &taken);
    if (e == ERR_NONE)
        e = buf_err(&taken);
    bool has_names = taken.n > (is_edit ? 1U : 0U);
    if (e == ERR_NONE && !has_names && !is_edit)
        e = refuse_name(line, "ferryd has none of these algorithms:", names);
    /* Nothing to add or to take away: as if nothing had been said. */
    if (e == ERR_NONE && has_names) {
        *member = strndup((const char *)taken.p, taken.n);
        e = *member ? ERR_NONE : ERR_NOMEM;
    }
    buf_clear(&taken);
    return e;
}

const struct server_type type_algorithms = {.read = read_algorithms,
                                            .print = server_print_text,
                                            .clear = server_clear_text,
                                            .max_arguments = 1,
                                            .has_effect = true};
