/* See identity.h. */
#include "cli/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/prompt.h"
#include "cli/text_file.h"
#include "key/cert.h"
#include "key/key_type.h"
#include "key/private_file.h"
#include "key/pubkey_line.h"

/* ---- one identity ---- */

static void
identity_clear(struct identity *id)
{
    buf_clear(&id->blob);
    buf_clear(&id->plain);
    buf_clear(&id->text);
    free(id->path);
    free(id->label);
    privkey_free(id->key);
    *id = (struct identity){0};
}

static void
identity_init(struct identity *id)
{
    *id = (struct identity){0};
    buf_init(&id->blob, KEY_BLOB_MAX);
    buf_init(&id->plain, KEY_BLOB_MAX);
    buf_init(&id->text, PRIVATE_FILE_MAX);
}

static char *
encoded(struct bytes text)
{
    struct buf out;
    buf_init(&out, 8192);
    text_escape(&out, text, 500);
    const char *s = buf_cstr(&out);
    char *copy = strdup(s ? s : "?");
    buf_clear(&out);
    return copy;
}

static bool
identity_set_blob(struct identity *id, struct bytes blob)
{
    buf_reset(&id->blob);
    buf_put(&id->blob, blob);
    return buf_err(&id->blob) == ERR_NONE &&
           cert_plain_blob(blob, &id->plain) == ERR_NONE;
}

bool
identity_is_ready(const struct identity *id)
{
    return id->key || (id->text.n != 0 && !id->is_encrypted && !id->is_in_agent);
}

/* ---- files ---- */

/* Everybody who can read a private key can be its owner to the server. */
static bool
is_private(const struct stat *st)
{
    return st->st_uid != getuid() || (st->st_mode & 077) == 0;
}

/* The public key beside a private one, "PATH.pub", or PATH itself if it is one. */
static bool
read_public(const char *path, const char *suffix, struct identity *id)
{
    char name[4200];
    struct buf text, blob, comment;
    struct fault why = {0};
    snprintf(name, sizeof name, "%s%s", path, suffix);
    buf_init(&text, PUBKEY_TEXT_MAX);
    buf_init(&blob, KEY_BLOB_MAX);
    buf_init(&comment, PUBKEY_COMMENT_MAX);
    bool is_read =
        text_file_read(name, &text, NULL) == ERR_NONE &&
        pubkey_text_parse(buf_bytes(&text), &blob, &comment, &why) == ERR_NONE &&
        identity_set_blob(id, buf_bytes(&blob));
    buf_clear(&text);
    buf_clear(&blob);
    buf_clear(&comment);
    return is_read;
}

/* The private file's text, and what it tells without a passphrase. */
static void
read_private(struct identities *ids, struct identity *id, bool is_default)
{
    struct stat st;
    struct fault why = {0};
    enum err e = text_file_read(id->path, &id->text, &st);
    if (e != ERR_NONE) {
        buf_clear(&id->text);
        if (!is_default && (e != ERR_IO || errno != ENOENT))
            console_warn(ids->console, "%s: cannot be read", id->label);
        return;
    }
    if (!is_private(&st)) {
        console_error(
            ids->console,
            "%s: permissions %04o are too open for a private key; it is ignored",
            id->label, (unsigned)(st.st_mode & 0777));
        buf_clear(&id->text);
        return;
    }
    e = private_file_parse(buf_bytes(&id->text), (struct bytes){0}, &id->key, NULL, &why);
    id->is_encrypted = e == ERR_AUTH;
    if (e == ERR_NONE) {
        /* Its own word about its public half counts, not the .pub beside it. */
        if (!identity_set_blob(id, pubkey_blob(privkey_public(id->key))))
            buf_clear(&id->text);
        return;
    }
    struct buf blob;
    buf_init(&blob, KEY_BLOB_MAX);
    if (private_file_public(buf_bytes(&id->text), &blob, &why) == ERR_NONE)
        (void)identity_set_blob(id, buf_bytes(&blob));
    buf_clear(&blob);
    if (e != ERR_AUTH)
        buf_clear(&id->text); /* a public key, or a kind only the agent can use */
}

/* False: there is nothing to offer. */
static bool
open_file(struct identities *ids, const char *path, bool is_default, struct identity *id)
{
    identity_init(id);
    id->path = strdup(path);
    id->label = encoded(bytes_str(path));
    if (!id->path || !id->label)
        return false;
    read_private(ids, id, is_default);
    bool has_blob =
        id->blob.n != 0 || read_public(path, ".pub", id) || read_public(path, "", id);
    if (!has_blob && !is_default)
        console_warn(ids->console, "%s: no key there that can be used", id->label);
    return has_blob;
}

/* ---- the list ---- */

static bool
has_blob(const struct identities *ids, struct bytes blob)
{
    for (size_t i = 0; i < ids->n; i++)
        if (bytes_eq(buf_bytes(&ids->list[i].blob), blob))
            return true;
    return false;
}

/* Takes over *id, or clears it when it is there already or there is no room. */
static void
add(struct identities *ids, struct identity *id)
{
    if (ids->n == IDENTITIES_MAX || has_blob(ids, buf_bytes(&id->blob)) ||
        !settings_allow_key(ids->settings, buf_bytes(&id->plain)))
        identity_clear(id);
    else
        ids->list[ids->n++] = *id;
}

/* A certificate that goes with a key: the same means to sign, another blob. */
static void
add_certificate(struct identities *ids, const char *path, const char *suffix,
                const struct identity *key)
{
    struct identity cert;
    identity_init(&cert);
    if (!read_public(path, suffix, &cert) ||
        !bytes_eq(buf_bytes(&cert.plain), buf_bytes(&key->plain)) ||
        bytes_eq(buf_bytes(&cert.plain), buf_bytes(&cert.blob))) {
        identity_clear(&cert);
        return;
    }
    buf_put(&cert.text, buf_bytes(&key->text));
    cert.path = key->path ? strdup(key->path) : NULL;
    cert.label = encoded(bytes_str(path));
    cert.is_encrypted = key->is_encrypted;
    cert.is_in_agent = key->is_in_agent;
    add(ids, &cert);
}

static void
add_with_certificates(struct identities *ids, struct identity *id)
{
    const struct option_list *certificates = &ids->settings->certificate_files;
    for (size_t i = 0; i < certificates->n; i++)
        add_certificate(ids, certificates->item[i], "", id);
    if (id->path)
        add_certificate(ids, id->path, "-cert.pub", id);
    add(ids, id);
}

/* ---- the agent ---- */

/* Ask for the agent's keys and bind it to this connection. */
static bool
list_agent(struct identities *ids, const struct agent_binding *binding,
           struct buf *listing)
{
    struct buf request;
    struct bytes reply;
    if (agent_link_open(&ids->agent, ids->settings->identity_agent) != ERR_NONE)
        return false;
    buf_init(&request, AGENT_REPLY_MAX);
    agent_put_session_bind(binding, &request);
    enum err e = agent_link_ask(&ids->agent, buf_bytes(&request), &reply);
    if (e == ERR_NONE) {
        /* An agent that does not know the request refuses it; that is fine. */
        buf_reset(&request);
        agent_put_list(&request);
        e = agent_link_ask(&ids->agent, buf_bytes(&request), &reply);
    }
    if (e == ERR_NONE)
        buf_put(listing, reply);
    buf_clear(&request);
    return e == ERR_NONE && buf_err(listing) == ERR_NONE;
}

static struct identity *
find_file(struct identity *files, size_t n, struct bytes blob)
{
    for (size_t i = 0; i < n; i++)
        if (bytes_eq(buf_bytes(&files[i].blob), blob) ||
            bytes_eq(buf_bytes(&files[i].plain), blob))
            return &files[i];
    return NULL;
}

enum agent_pass { PASS_NAMED, PASS_OTHERS };

/* Keys that a file names come first, then the agent's own. */
static void
add_agent_keys(struct identities *ids, struct bytes listing, struct identity *files,
               size_t n_files, enum agent_pass pass)
{
    struct agent_keys keys;
    struct agent_key key;
    if (agent_read_list(listing, &keys) != ERR_NONE)
        return;
    while (agent_keys_next(&keys, &key)) {
        struct identity *file = find_file(files, n_files, key.blob);
        if (!key_type_of_blob(key.blob) || (file != NULL) != (pass == PASS_NAMED))
            continue;
        if (file && file->blob.n != 0 && !file->is_in_agent) {
            file->is_in_agent = true;
            struct identity moved = *file;
            identity_init(file);
            add_with_certificates(ids, &moved);
        } else if (!file) {
            struct identity id;
            identity_init(&id);
            id.is_in_agent = true;
            id.label = encoded(key.comment);
            if (identity_set_blob(&id, key.blob))
                add_with_certificates(ids, &id);
            else
                identity_clear(&id);
        }
    }
}

void
identities_collect(struct identities *ids, const struct settings *s,
                   struct console *console, const struct agent_binding *binding)
{
    ids->settings = s;
    ids->console = console;
    ids->n = 0;
    struct identity files[OPTION_LIST_MAX];
    size_t n_files = 0;
    for (size_t i = 0; i < s->identity_files.n; i++) {
        struct identity *id = &files[n_files];
        if (open_file(ids, s->identity_files.item[i], s->has_default_identities, id))
            n_files++;
        else
            identity_clear(id);
    }
    struct buf listing;
    buf_init(&listing, AGENT_REPLY_MAX);
    if (list_agent(ids, binding, &listing)) {
        add_agent_keys(ids, buf_bytes(&listing), files, n_files, PASS_NAMED);
        if (s->o.identities_only != 1)
            add_agent_keys(ids, buf_bytes(&listing), files, n_files, PASS_OTHERS);
    }
    buf_clear(&listing);
    for (size_t i = 0; i < n_files; i++) {
        if (files[i].text.n != 0) /* the others only the agent could use */
            add_with_certificates(ids, &files[i]);
        else
            identity_clear(&files[i]);
    }
}

void
identities_clear(struct identities *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        identity_clear(&ids->list[i]);
    ids->n = 0;
    agent_link_close(&ids->agent);
}

/* ---- signing ---- */

static bool
list_has(struct bytes list, const char *name)
{
    struct bytes item;
    while (bytes_next_item(&list, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

const struct sig_algo *
identity_algo(struct bytes blob, struct bytes own_list, struct bytes server_list)
{
    const struct key_type *type = key_type_of_blob(blob);
    struct bytes name;
    while (type && bytes_next_item(&own_list, &name)) {
        const struct sig_algo *algo = sig_by_name(name);
        if (!algo || strcmp(algo->key_type, type->name) != 0)
            continue;
        /* Old servers announce RSA's names only: others are tried regardless. */
        if (algo->kind != KEY_RSA || server_list.n == 0 ||
            list_has(server_list, algo->sig_name) || list_has(server_list, algo->name))
            return algo;
    }
    return NULL;
}

static enum err
sign_by_agent(struct identities *ids, const struct identity *id, struct bytes blob,
              const struct sig_algo *algo, struct bytes data, struct buf *signature)
{
    struct buf request;
    struct bytes reply, found;
    buf_init(&request, AGENT_REPLY_MAX);
    agent_put_sign(blob, data, algo, &request);
    enum err e = buf_err(&request);
    if (e == ERR_NONE)
        e = agent_link_ask(&ids->agent, buf_bytes(&request), &reply);
    if (e == ERR_NONE)
        e = agent_read_signature(reply, algo, &found);
    if (e == ERR_NONE) {
        buf_put(signature, found);
        e = buf_err(signature);
    }
    buf_clear(&request);
    if (e == ERR_CLOSED)
        console_warn(ids->console, "the agent did not answer (%s)", id->label);
    return e;
}

/* Decrypt the file, asking up to NumberOfPasswordPrompts times. */
static enum err
unlock(struct identities *ids, struct identity *id)
{
    char question[1100];
    struct secret passphrase;
    struct fault why = {0};
    enum err e = ERR_AUTH;
    if (ids->settings->o.batch_mode == 1)
        return ERR_AUTH;
    snprintf(question, sizeof question, "Enter passphrase for key '%s': ", id->label);
    for (int i = 0; i < ids->settings->o.password_prompts && e == ERR_AUTH; i++) {
        enum err asked = prompt_ask(question, PROMPT_HIDDEN, &passphrase);
        if (asked != ERR_NONE || passphrase.n == 0) {
            e = asked == ERR_CLOSED ? asked : ERR_AUTH;
            break;
        }
        why = (struct fault){0};
        e = private_file_parse(buf_bytes(&id->text), secret_bytes(&passphrase), &id->key,
                               NULL, &why);
    }
    secret_clear(&passphrase);
    if (e != ERR_NONE && e != ERR_CLOSED && e != ERR_AUTH)
        console_warn(ids->console, "%s: %s", id->label, why.text);
    return e;
}

static enum err
load(struct identities *ids, struct identity *id)
{
    struct fault why = {0};
    if (id->key)
        return ERR_NONE;
    if (id->text.n == 0)
        return ERR_AUTH;
    if (id->is_encrypted)
        return unlock(ids, id);
    return private_file_parse(buf_bytes(&id->text), (struct bytes){0}, &id->key, NULL,
                              &why);
}

enum err
identity_sign(struct identities *ids, struct identity *id, const struct sig_algo *algo,
              struct bytes data, struct buf *signature)
{
    if (id->is_in_agent) {
        /* The agent may hold the certificate itself, or only the key behind it. */
        enum err e = sign_by_agent(ids, id, buf_bytes(&id->blob), algo, data, signature);
        if (e != ERR_NONE && id->plain.n != id->blob.n)
            e = sign_by_agent(ids, id, buf_bytes(&id->plain), algo, data, signature);
        if (e == ERR_NONE || id->text.n == 0)
            return e;
    }
    enum err e = load(ids, id);
    if (e != ERR_NONE)
        return e;
    /* A .pub file may lie about its neighbour. */
    if (!bytes_eq(pubkey_blob(privkey_public(id->key)), buf_bytes(&id->plain))) {
        console_warn(ids->console, "%s: the public key beside it is another key's",
                     id->label);
        return ERR_CRYPTO;
    }
    return sig_sign(algo, id->key, data, signature);
}
