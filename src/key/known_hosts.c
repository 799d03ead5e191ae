/* See known_hosts.h. */
#include "key/known_hosts.h"

#include "base/secret.h"
#include "crypto/hash.h"
#include "key/armor.h"
#include "base/address.h"
#include "key/pubkey_line.h"
#include "key/text_line.h"

enum {
    SHA1_LEN = 20,
    NAME_MAX_TEXT = HOST_NAME_MAX_LEN + sizeof "[]:65535",
    SSH_PORT = 22
};

#define HASH_PREFIX "|1|"

/* ---- names ---- */

/* Octets that would end the field or the line, or turn the name into a list,
 * a pattern or a hash. */
static bool
is_host_octet(uint8_t c)
{
    return c > 0x20 && c != 0x7f && !strchr(",*?!|#", c);
}

enum err
known_hosts_name(struct bytes host, uint16_t port, struct buf *out)
{
    if (host.n == 0 || host.n > HOST_NAME_MAX_LEN || host.p[0] == '@')
        return ERR_PROTO;
    for (size_t i = 0; i < host.n; i++)
        if (!is_host_octet(host.p[i]))
            return ERR_PROTO;
    if (port != SSH_PORT)
        buf_put_u8(out, '[');
    for (size_t i = 0; i < host.n; i++)
        buf_put_u8(out, text_lower(host.p[i]));
    if (port != SSH_PORT)
        buf_printf(out, "]:%u", (unsigned)port);
    return buf_err(out);
}

/* base64 of exactly 20 octets. */
static bool
decode_20(struct bytes text, uint8_t octets[SHA1_LEN])
{
    struct buf b;
    buf_init(&b, SHA1_LEN);
    bool is_good = base64_decode(text, &b) == ERR_NONE && b.n == SHA1_LEN;
    if (is_good)
        memcpy(octets, b.p, SHA1_LEN);
    buf_clear(&b);
    return is_good;
}

/* hosts: "|1|salt|hash" */
static enum host_match
match_hashed(struct bytes hosts, struct bytes name, enum err *e)
{
    uint8_t salt[SHA1_LEN], want[SHA1_LEN], have[SHA1_LEN];
    struct bytes rest = bytes_skip(hosts, strlen(HASH_PREFIX));
    const uint8_t *bar = rest.n != 0 ? memchr(rest.p, '|', rest.n) : NULL;
    if (!bytes_has_prefix(hosts, HASH_PREFIX) || !bar)
        return HOST_MATCH_NO;
    size_t n = (size_t)(bar - rest.p);
    if (!decode_20(bytes_first(rest, n), salt) ||
        !decode_20(bytes_skip(rest, n + 1), want))
        return HOST_MATCH_NO;
    enum err failed = hmac_digest(HASH_SHA1, bytes_of(salt, SHA1_LEN), name, have);
    if (failed != ERR_NONE) {
        *e = failed;
        return HOST_MATCH_NO;
    }
    return memcmp(want, have, SHA1_LEN) == 0 ? HOST_MATCH_SOLE : HOST_MATCH_NO;
}

static bool
is_literal(struct bytes hosts, struct bytes name)
{
    if (hosts.n != name.n)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (text_lower(hosts.p[i]) != text_lower(name.p[i]))
            return false;
    return true;
}

enum host_match
known_hosts_match(struct bytes hosts, struct bytes name, enum err *e)
{
    if (hosts.n != 0 && hosts.p[0] == '|')
        return match_hashed(hosts, name, e);
    if (is_literal(hosts, name))
        return HOST_MATCH_SOLE;
    return pattern_list_match(hosts, name, PATTERN_FOLD) == PATTERN_YES
               ? HOST_MATCH_SHARED
               : HOST_MATCH_NO;
}

/* ---- lines ---- */

void
known_hosts_start(struct known_hosts *it, struct bytes text)
{
    *it = (struct known_hosts){.rest = text};
}

/* Take a marker off *text. False: an unknown one. */
static bool
take_marker(struct bytes *text, enum host_marker *marker)
{
    struct bytes rest = *text, word = text_next_word(&rest);
    *marker = HOST_MARKER_NONE;
    if (word.n == 0 || word.p[0] != '@')
        return true;
    if (bytes_eq_str(word, "@cert-authority"))
        *marker = HOST_MARKER_CA;
    else if (bytes_eq_str(word, "@revoked"))
        *marker = HOST_MARKER_REVOKED;
    else
        return false;
    *text = rest;
    return true;
}

/* ERR_PROTO: holds no key that we understand. */
static enum err
parse_line(struct bytes text, struct known_hosts_line *line)
{
    if (text_is_comment(text) || text.n > KNOWN_HOSTS_LINE_MAX ||
        memchr(text.p, 0, text.n) || !take_marker(&text, &line->marker))
        return ERR_PROTO;
    line->hosts = text_next_word(&text);
    return pubkey_line_parse(text, &line->blob, &line->comment);
}

bool
known_hosts_next(struct known_hosts *it, struct known_hosts_line *line, enum err *e)
{
    *e = ERR_NONE;
    while (text_next_line(&it->rest, &line->whole)) {
        line->number = ++it->number;
        enum err parsed = parse_line(line->whole, line);
        if (parsed == ERR_NONE)
            return true;
        if (parsed == ERR_NOMEM) {
            *e = ERR_NOMEM;
            return false;
        }
    }
    return false;
}

/* ---- walking the lines about one host ---- */

struct walk {
    const struct known_hosts_file *files;
    size_t n_files, next_file;
    struct known_hosts it;
    struct known_hosts_line line;
    struct bytes name;
    enum err e;
};

static void
walk_start(struct walk *w, const struct known_hosts_file *files, size_t n_files,
           struct bytes name)
{
    *w = (struct walk){.files = files, .n_files = n_files, .name = name};
    buf_init(&w->line.blob, KEY_BLOB_MAX);
}

/* False: no more, or w->e says what failed. */
static bool
walk_next(struct walk *w)
{
    while (w->e == ERR_NONE) {
        while (known_hosts_next(&w->it, &w->line, &w->e))
            if (known_hosts_match(w->line.hosts, w->name, &w->e) != HOST_MATCH_NO ||
                w->e != ERR_NONE)
                return w->e == ERR_NONE;
        if (w->e != ERR_NONE || w->next_file == w->n_files)
            return false;
        const struct known_hosts_file *file = &w->files[w->next_file++];
        if (file->text.n > KNOWN_HOSTS_MAX)
            w->e = ERR_LIMIT;
        known_hosts_start(&w->it, file->text);
    }
    return false;
}

static const char *
walk_file(const struct walk *w)
{
    return w->files[w->next_file - 1].name;
}

static void
walk_end(struct walk *w)
{
    buf_clear(&w->line.blob);
}

/* ---- the verdict ---- */

void
host_finding_init(struct host_finding *f)
{
    *f = (struct host_finding){.verdict = HOST_KEY_REFUSE};
    buf_init(&f->recorded, KEY_BLOB_MAX);
}

void
host_finding_clear(struct host_finding *f)
{
    buf_clear(&f->recorded);
    host_finding_init(f);
}

/* The key presented, taken apart once. */
struct presented {
    struct bytes blob, plain;
    enum key_kind kind;
    struct cert *cert; /* NULL: a plain key */
    bool is_cert_good; /* checked, all but whether its CA is trusted */
};

/*
 * How much a line says, the strongest last. A good key on one line outranks
 * another key on the next: a host may have several, in the midst of a change.
 */
enum weight {
    WEIGHT_NONE,
    WEIGHT_OTHER_TYPE,
    WEIGHT_CHANGED,
    WEIGHT_SAME,
    WEIGHT_CA,
    WEIGHT_REVOKED,
};

static enum weight
weigh_revoked(const struct presented *p, struct bytes blob)
{
    bool is_hit = bytes_eq(blob, p->plain) || bytes_eq(blob, p->blob) ||
                  (p->cert && bytes_eq(blob, p->cert->ca_blob));
    return is_hit ? WEIGHT_REVOKED : WEIGHT_NONE;
}

static enum weight
weigh_plain(const struct presented *p, struct bytes blob)
{
    if (bytes_eq(blob, p->plain))
        return WEIGHT_SAME;
    const struct key_type *type = key_type_of_blob(blob);
    return type && !type->is_cert && type->kind == p->kind ? WEIGHT_CHANGED
                                                           : WEIGHT_OTHER_TYPE;
}

static enum weight
weigh(const struct presented *p, const struct known_hosts_line *line)
{
    struct bytes blob = buf_bytes(&line->blob);
    switch (line->marker) {
    case HOST_MARKER_REVOKED:
        return weigh_revoked(p, blob);
    case HOST_MARKER_CA:
        return p->is_cert_good && bytes_eq(blob, p->cert->ca_blob) ? WEIGHT_CA
                                                                   : WEIGHT_NONE;
    case HOST_MARKER_NONE:
        return weigh_plain(p, blob);
    }
    return WEIGHT_NONE;
}

/* What a line adds to the record, whatever is presented. */
static void
note_record(const struct known_hosts_line *line, unsigned *kinds, bool *has_ca)
{
    const struct key_type *type = key_type_of_blob(buf_bytes(&line->blob));
    if (line->marker == HOST_MARKER_CA)
        *has_ca = true;
    else if (line->marker == HOST_MARKER_NONE && type && !type->is_cert)
        *kinds |= 1U << type->kind;
}

static enum err
note_deciding(const struct walk *w, struct host_finding *f)
{
    f->file = walk_file(w);
    f->line = w->line.number;
    buf_reset(&f->recorded);
    buf_put(&f->recorded, buf_bytes(&w->line.blob));
    return buf_err(&f->recorded);
}

static enum err
search(struct walk *w, const struct presented *p, struct host_finding *f)
{
    static const enum host_verdict verdicts[] = {
        [WEIGHT_NONE] = HOST_KEY_NEW,        [WEIGHT_OTHER_TYPE] = HOST_KEY_OTHER_TYPE,
        [WEIGHT_CHANGED] = HOST_KEY_CHANGED, [WEIGHT_SAME] = HOST_KEY_KNOWN,
        [WEIGHT_CA] = HOST_KEY_KNOWN,        [WEIGHT_REVOKED] = HOST_KEY_REVOKED,
    };
    enum weight heaviest = WEIGHT_NONE;
    while (walk_next(w)) {
        note_record(&w->line, &f->kinds, &f->has_ca);
        enum weight weight = weigh(p, &w->line);
        if (weight <= heaviest)
            continue;
        heaviest = weight;
        enum err e = note_deciding(w, f);
        if (e != ERR_NONE)
            return e;
    }
    if (w->e != ERR_NONE)
        return w->e;
    f->is_by_ca = heaviest == WEIGHT_CA;
    f->verdict = verdicts[heaviest];
    return ERR_NONE;
}

/* A certificate that is no good counts as its plain key; why says what was
 * wrong. Only failures of our own stop the check. */
static enum err
present_cert(const struct host_query *query, struct presented *p, struct fault *why)
{
    struct cert_check check = {
        .use = CERT_HOST,
        .now = query->now,
        .ca_algos = query->ca_algos,
        .principal = query->name,
    };
    enum err e = cert_parse(p->blob, &p->cert, why);
    if (e != ERR_NONE)
        return e;
    p->plain = buf_bytes(&p->cert->plain);
    e = cert_verify(p->cert, &check, why);
    p->is_cert_good = e == ERR_NONE;
    return e == ERR_NOMEM ? e : ERR_NONE;
}

static enum err
check(const struct known_hosts_file *files, size_t n_files,
      const struct host_query *query, struct presented *p, struct host_finding *f)
{
    const struct key_type *type = key_type_of_blob(p->blob);
    if (!type)
        return ERR_PROTO;
    p->kind = type->kind;
    p->plain = p->blob;
    enum err e = type->is_cert ? present_cert(query, p, &f->why) : ERR_NONE;
    if (e != ERR_NONE)
        return e;
    struct buf name;
    buf_init(&name, NAME_MAX_TEXT);
    e = known_hosts_name(query->name, query->port, &name);
    if (e == ERR_NONE) {
        struct walk w;
        walk_start(&w, files, n_files, buf_bytes(&name));
        e = search(&w, p, f);
        walk_end(&w);
    }
    buf_clear(&name);
    return e;
}

enum host_verdict
known_hosts_check(const struct known_hosts_file *files, size_t n_files,
                  const struct host_query *query, struct bytes blob,
                  struct host_finding *f)
{
    struct presented p = {.blob = blob};
    host_finding_clear(f);
    enum err e = check(files, n_files, query, &p, f);
    cert_free(p.cert);
    if (e != ERR_NONE) {
        f->verdict = HOST_KEY_REFUSE;
        fault_set(&f->why, e, 0, "checking the host key failed (%s)", err_name(e));
    }
    return f->verdict;
}

void
known_hosts_types(const struct known_hosts_file *files, size_t n_files,
                  const struct host_query *query, unsigned *kinds, bool *has_ca)
{
    struct buf name;
    struct walk w;
    *kinds = 0;
    *has_ca = false;
    buf_init(&name, NAME_MAX_TEXT);
    if (known_hosts_name(query->name, query->port, &name) == ERR_NONE) {
        walk_start(&w, files, n_files, buf_bytes(&name));
        while (walk_next(&w))
            note_record(&w.line, kinds, has_ca);
        if (w.e != ERR_NONE) {
            *kinds = 0;
            *has_ca = false;
        }
        walk_end(&w);
    }
    buf_clear(&name);
}

/* ---- writing ---- */

static enum err
put_hashed(struct bytes name, const struct rand_source *rand, struct buf *out)
{
    uint8_t salt[SHA1_LEN], hash[SHA1_LEN];
    enum err e = rand_fill(rand, salt, sizeof salt);
    if (e == ERR_NONE)
        e = hmac_digest(HASH_SHA1, bytes_of(salt, sizeof salt), name, hash);
    if (e != ERR_NONE)
        return e;
    buf_put_str(out, HASH_PREFIX);
    base64_encode(bytes_of(salt, sizeof salt), out);
    buf_put_u8(out, '|');
    base64_encode(bytes_of(hash, sizeof hash), out);
    return buf_err(out);
}

enum err
known_hosts_put_line(enum host_name_form form, struct bytes name, struct bytes blob,
                     const struct rand_source *rand, struct buf *out)
{
    enum err e = ERR_NONE;
    if (form == HOST_NAME_HASHED)
        e = put_hashed(name, rand, out);
    else
        buf_put(out, name);
    if (e != ERR_NONE)
        return e;
    buf_put_u8(out, ' ');
    pubkey_line_put(blob, (struct bytes){0}, out);
    buf_put_u8(out, '\n');
    return buf_err(out);
}

static bool
is_among(struct bytes blob, const struct bytes *blobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes_eq(blob, blobs[i]))
            return true;
    return false;
}

/* Copy the lines that stay. Each is copied as raw octets, end included. */
static enum err
copy_kept(struct bytes text, struct bytes name, const struct host_key_changes *changes,
          struct buf *out)
{
    struct known_hosts_line line = {0};
    enum err e = ERR_NONE;
    buf_init(&line.blob, KEY_BLOB_MAX);
    while (e == ERR_NONE && text.n != 0) {
        struct bytes here = text;
        (void)text_next_line(&text, &line.whole);
        enum err parsed = parse_line(line.whole, &line);
        bool is_dropped =
            parsed == ERR_NONE && line.marker == HOST_MARKER_NONE &&
            is_among(buf_bytes(&line.blob), changes->drop, changes->n_drop) &&
            known_hosts_match(line.hosts, name, &e) == HOST_MATCH_SOLE;
        if (!is_dropped)
            buf_put(out, bytes_first(here, here.n - text.n));
        if (parsed == ERR_NOMEM)
            e = parsed;
    }
    buf_clear(&line.blob);
    return e == ERR_NONE ? buf_err(out) : e;
}

/* Is this key on a line without marker for this name? */
static enum err
find_on_record(struct bytes text, struct bytes name, struct bytes blob, bool *is_found)
{
    struct known_hosts_file file = {.text = text};
    struct walk w;
    *is_found = false;
    walk_start(&w, &file, 1, name);
    while (!*is_found && walk_next(&w))
        *is_found =
            w.line.marker == HOST_MARKER_NONE && bytes_eq(buf_bytes(&w.line.blob), blob);
    walk_end(&w);
    return w.e;
}

enum err
known_hosts_update(struct bytes text, struct bytes name,
                   const struct host_key_changes *changes, enum host_name_form form,
                   const struct rand_source *rand, struct buf *out)
{
    enum err e = copy_kept(text, name, changes, out);
    if (e != ERR_NONE)
        return e;
    if (out->n != 0 && out->p[out->n - 1] != '\n')
        buf_put_u8(out, '\n');
    for (size_t i = 0; i < changes->n_add; i++) {
        bool is_found;
        e = find_on_record(text, name, changes->add[i], &is_found);
        if (e == ERR_NONE && !is_found)
            e = known_hosts_put_line(form, name, changes->add[i], rand, out);
        if (e != ERR_NONE)
            return e;
    }
    return buf_err(out);
}
