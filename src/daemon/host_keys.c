/* See host_keys.h. */
#include "daemon/host_keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/files.h"
#include "key/private_file.h"

/* Named as sshd names its own, so that people know what they see. */
static const char kept_name[] = "ssh_host_ed25519_key";

enum err
host_keys_load(struct host_keys *keys, const char *path, struct fault *why)
{
    struct buf text;
    struct fault cause = {0};
    if (keys->n == HOST_KEYS_MAX)
        return fault_set(why, ERR_LIMIT, 0, "more than %d host keys", HOST_KEYS_MAX);
    buf_init(&text, PRIVATE_FILE_MAX);
    enum err err = file_read(path, FILE_SECRET, &text, why);
    if (err == ERR_NONE) {
        err = private_file_parse(buf_bytes(&text), (struct bytes){0}, &keys->key[keys->n],
                                 NULL, &cause);
        if (err != ERR_NONE)
            fault_set(why, err, 0, "%.120s: %s", path,
                      err == ERR_AUTH ? "has a passphrase; a host key must not"
                                      : cause.text);
    }
    buf_clear(&text);
    keys->n += err == ERR_NONE;
    return err;
}

static enum err
make_kept(const char *path, const struct log_sink *log, struct fault *why)
{
    struct privkey *key = NULL;
    struct buf text;
    buf_init(&text, PRIVATE_FILE_MAX);
    enum err err = privkey_generate(KEY_ED25519, 0, &key);
    if (err == ERR_NONE)
        err = private_file_write(key, BYTES_LIT("ferryd host key"), (struct bytes){0},
                                 &rand_system, &text);
    if (err != ERR_NONE)
        fault_set(why, err, 0, "cannot generate a host key");
    else
        err = file_create_secret(path, buf_bytes(&text), why);
    if (err == ERR_NONE)
        log_line(log, LOG_LEVEL_INFO, "made a new host key: %s", path);
    buf_clear(&text);
    privkey_free(key);
    return err;
}

enum err
host_keys_load_kept(struct host_keys *keys, const char *state_dir,
                    const struct log_sink *log, struct fault *why)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", state_dir, kept_name);
    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(why, ERR_IO, 0, "the state directory's name is too long");
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        struct fault cause = {0};
        enum err err = make_kept(path, log, &cause);
        /* ERR_LIMIT: another server was faster; its key is as good. */
        if (err != ERR_NONE && err != ERR_LIMIT) {
            *why = cause;
            return err;
        }
    }
    return host_keys_load(keys, path, why);
}

struct bytes
host_keys_blob(const struct host_keys *keys, uint32_t i)
{
    return pubkey_blob(privkey_public(keys->key[i]));
}

void
host_keys_clear(struct host_keys *keys)
{
    for (uint32_t i = 0; i < keys->n; i++)
        privkey_free(keys->key[i]);
    *keys = (struct host_keys){0};
}
