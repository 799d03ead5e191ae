/* See authority.h. */
#include "steward/authority.h"

#include "daemon/files.h"
#include "key/authorized_keys.h"
#include "key/pubkey_line.h"
#include "key/text_line.h"
#include "steward/system_keys.h"

static bool
is_trusted(struct bytes ca_keys, struct bytes ca_blob)
{
    struct bytes line;
    struct buf blob;
    bool is_found = false;
    buf_init(&blob, KEY_BLOB_MAX);
    while (!is_found && text_next_line(&ca_keys, &line)) {
        struct bytes comment;
        is_found = !text_is_comment(line) &&
                   pubkey_line_parse(line, &blob, &comment) == ERR_NONE &&
                   bytes_eq(buf_bytes(&blob), ca_blob);
    }
    buf_clear(&blob);
    return is_found;
}

static struct bytes
trim_end(struct bytes line)
{
    while (line.n != 0 && text_is_blank(line.p[line.n - 1]))
        line.n--;
    return line;
}

/* It goes between quotes, into a list with commas. */
static bool
is_plain_principal(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] == '"' || name.p[i] == ',' ||
            name.p[i] == '\\' || name.p[i] == 0x7f)
            return false;
    return name.n != 0;
}

/* "OPTIONS principal" or "principal". */
static void
put_principal(struct bytes line, const struct cert *cert, struct buf *text)
{
    line = trim_end(text_skip_blanks(line));
    size_t n = line.n;
    while (n != 0 && !text_is_blank(line.p[n - 1]))
        n--;
    struct bytes name = bytes_skip(line, n), options = trim_end(bytes_first(line, n));
    if (!is_plain_principal(name) || !cert_has_principal(cert, name)) {
        buf_put_str(text, "\n"); /* keeps the lines' numbers */
        return;
    }
    buf_put(text, options);
    buf_put_str(text, options.n ? ",cert-authority,principals=\""
                                : "cert-authority,principals=\"");
    buf_put(text, name);
    buf_put_str(text, "\" ");
    pubkey_line_put(cert->ca_blob, (struct bytes){0}, text);
    buf_put_str(text, "\n");
}

static enum err
put_principals(const struct steward_key *q, const struct cert *cert,
               const struct log_sink *log, struct buf *text)
{
    struct buf file;
    struct bytes rest, line;
    buf_init(&file, AUTHORIZED_KEYS_MAX);
    enum err err = system_keys_read(q, q->rules.principals_file, log, &file);
    rest = buf_bytes(&file);
    while (err == ERR_NONE && text_next_line(&rest, &line)) {
        if (text_is_comment(line))
            buf_put_str(text, "\n");
        else
            put_principal(line, cert, text);
    }
    buf_clear(&file);
    return err ? err : buf_err(text);
}

enum err
authority_lines(const struct steward_key *q, struct bytes ca_keys,
                const struct log_sink *log, struct buf *text, const char **name)
{
    struct fault why = {0};
    struct cert *cert = NULL;
    const char *file = q->rules.principals_file;
    enum err err = cert_parse(bytes_of(q->blob, q->blob_len), &cert, &why);
    if (err == ERR_NONE && !is_trusted(ca_keys, cert->ca_blob))
        err = ERR_AUTH;
    if (err == ERR_NONE && file[0] && strcmp(file, "none") != 0) {
        *name = file;
        err = put_principals(q, cert, log, text);
    } else if (err == ERR_NONE) {
        buf_put_str(text, "cert-authority ");
        pubkey_line_put(cert->ca_blob, (struct bytes){0}, text);
        buf_put_str(text, "\n");
        err = buf_err(text);
    }
    cert_free(cert);
    return err;
}
