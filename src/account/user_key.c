/* `ferryd user key add|list|del`, and the reading of files that people name. */
#include <errno.h>
#include <unistd.h>

#include "account/key_input.h"
#include "account/user_part.h"
#include "base/json.h"
#include "cli/text_file.h"

/* ---- input ---- */

static enum err
read_standard_input(struct buf *out, struct fault *why)
{
    uint8_t chunk[4096];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0 && buf_err(out) == ERR_NONE)
        buf_put(out, bytes_of(chunk, (size_t)n));
    if (n < 0)
        return fault_errno(why, ERR_IO, errno, "standard input");
    return buf_err(out) ? fault_set(why, buf_err(out), 0,
                                    "standard input: more than %zu octets", out->max)
                        : ERR_NONE;
}

enum err
user_read_file(const char *file, struct buf *out, struct fault *why)
{
    if (strcmp(file, "-") == 0)
        return read_standard_input(out, why);
    enum err err = text_file_read(file, out, NULL);
    if (err == ERR_IO)
        return fault_errno(why, err, errno, "%.160s", file);
    if (err == ERR_LIMIT)
        return fault_set(why, err, 0, "%.160s: more than %zu octets", file, out->max);
    return err ? fault_set(why, err, 0, "%.160s: %s", file, err_name(err)) : ERR_NONE;
}

/* ---- add ---- */

struct key_adding {
    struct user_call *call;
    int64_t id;
    unsigned n_added;
    struct fault *why;
};

static enum err
add_one(void *ctx, struct bytes line, const char *fingerprint)
{
    struct key_adding *a = ctx;
    enum err err =
        store_key_add(a->call->store, a->id, line, fingerprint, a->call->now, a->why);
    a->n_added += err == ERR_NONE;
    return err;
}

enum err
user_add_keys(struct user_call *call, int64_t id, const char *file, unsigned *n_added,
              struct fault *why)
{
    struct buf text;
    struct fault stored = {0}, read = {0};
    struct key_adding adding = {.call = call, .id = id, .why = &stored};
    buf_init(&text, KEY_INPUT_MAX);
    enum err err = user_read_file(file, &text, why);
    if (err == ERR_NONE) {
        err = key_input_each(buf_bytes(&text), add_one, &adding, &read);
        const char *reason = stored.text[0] ? stored.text : read.text;
        if (err)
            fault_set(why, err, 0, "%.80s: %.150s", file, reason);
    }
    *n_added += adding.n_added;
    buf_clear(&text);
    return err;
}

static enum err
add_files(struct user_call *call, unsigned *n_added, struct fault *why)
{
    enum err err = ERR_NONE;
    if (call->operands.n == 1)
        return user_add_keys(call, call->record.id, "-", n_added, why);
    for (size_t i = 1; i < call->operands.n && err == ERR_NONE; i++)
        err = user_add_keys(call, call->record.id, call->operands.text[i], n_added, why);
    return err;
}

enum err
user_key_add(struct user_call *call, struct fault *why)
{
    char what[64];
    unsigned n_added = 0;
    enum err err = user_find(call, &call->record, why);
    if (err == ERR_NONE)
        err = store_begin(call->store, why);
    if (err)
        return err;
    err = add_files(call, &n_added, why);
    if (err != ERR_NONE) {
        store_rollback(call->store);
        return err;
    }
    err = store_commit(call->store, why);
    if (err)
        return err;
    snprintf(what, sizeof what, "%u %s added", n_added, n_added == 1 ? "key" : "keys");
    user_tell(call, "key_added", call->record.name, what);
    return ERR_NONE;
}

/* ---- list, del ---- */

static enum err
list_one(void *ctx, const struct store_key *key)
{
    const struct user_call *call = ctx;
    struct buf line;
    buf_init(&line, 2 * STORE_KEY_LINE_MAX + 1024);
    if (call->is_json) {
        json_begin(&line, "key");
        json_text(&line, "name", bytes_str(call->record.name));
        json_number(&line, "index", key->index);
        json_text(&line, "fingerprint", bytes_str(key->fingerprint));
        json_text(&line, "line", key->line);
        json_number(&line, "added", (uint64_t)key->added);
        json_end(&line);
    } else {
        buf_printf(&line, "%u %s %.*s\n", key->index, key->fingerprint, (int)key->line.n,
                   (const char *)key->line.p);
    }
    fwrite(line.p, 1, line.n, stdout);
    buf_clear(&line);
    return ERR_NONE;
}

enum err
user_key_list(struct user_call *call, struct fault *why)
{
    enum err err = user_find(call, &call->record, why);
    return err ? err : store_key_list(call->store, call->record.id, list_one, call, why);
}

enum err
user_key_del(struct user_call *call, struct fault *why)
{
    enum err err = user_find(call, &call->record, why);
    if (err == ERR_NONE)
        err = store_key_delete(call->store, call->record.id, call->operands.text[1],
                               call->now, why);
    if (err == ERR_NONE)
        user_tell(call, "key_deleted", call->record.name, "key deleted");
    return err;
}
