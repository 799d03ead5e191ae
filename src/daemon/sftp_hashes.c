/* See sftp_hashes.h. */
#include "daemon/sftp_hashes.h"

#include "crypto/hash.h"

static size_t
digest_len(struct bytes name)
{
    enum hash_id id;
    return hash_by_name(name, &id) ? hash_len(id) : 0;
}

static enum err
begin(struct bytes name, void **state)
{
    enum hash_id id;
    struct hash *h = NULL;
    if (!hash_by_name(name, &id))
        return ERR_PROTO;
    enum err err = hash_new(id, &h);
    *state = h;
    return err;
}

static enum err
update(void *state, struct bytes data)
{
    return hash_update(state, data);
}

static enum err
end(void *state, uint8_t *digest)
{
    return hash_final(state, digest);
}

static void
release(void *state)
{
    hash_free(state);
}

const struct sftp_hashes sftp_hashes = {
    .digest_len = digest_len,
    .begin = begin,
    .update = update,
    .end = end,
    .free = release,
};
