/*
 * Digests of uploads, made while the octets pass by: a client that checks its
 * upload with check-file, and the audit trail, need not have it read again.
 *
 * A digest is of a file that was empty and was then written from its start on
 * without a gap or a step back; anything else ends the attempt. What is kept is
 * believed only while the file's identity, size and times are the same.
 */
#include "sftp/server_impl.h"

static void
drop(struct sftp_server *s, struct handle *h)
{
    if (h->hash)
        s->config.hashes->free(h->hash);
    h->hash = NULL;
}

void
hash_stop(struct sftp_server *s, struct handle *h)
{
    drop(s, h);
    h->hash_state = HASH_OFF;
}

/* The first WRITE: is it the start of an empty file? `n` octets of it are there. */
static void
try_begin(struct sftp_server *s, struct handle *h, uint64_t offset, size_t n)
{
    const struct sftp_hashes *hashes = s->config.hashes;
    struct vfs *v = s->config.vfs;
    struct vfs_stat st;
    h->hash_state = HASH_OFF;
    if (!s->config.hashes_uploads || !hashes || offset != 0)
        return;
    if (v->ops->fstat(v, h->file, &st) != 0 || st.size != n)
        return;
    if (hashes->begin(BYTES_LIT("sha256"), &h->hash) == ERR_NONE)
        h->hash_state = HASH_RUNNING;
}

void
hash_written(struct sftp_server *s, struct handle *h, uint64_t offset, struct bytes data)
{
    if (h->hash_state == HASH_OFF)
        return;
    if (h->hash_state == HASH_UNTRIED)
        try_begin(s, h, offset, data.n);
    if (h->hash_state != HASH_RUNNING)
        return hash_stop(s, h);
    if (offset != h->hashed || s->config.hashes->update(h->hash, data) != ERR_NONE)
        return hash_stop(s, h);
    h->hashed += data.n;
}

bool
hash_end(struct sftp_server *s, struct handle *h, uint64_t size)
{
    if (h->hash_state == HASH_ENDED)
        return size == h->hashed;
    if (h->hash_state != HASH_RUNNING || size != h->hashed)
        return false;
    enum err e = s->config.hashes->end(h->hash, h->sha256);
    drop(s, h);
    h->hash_state = e == ERR_NONE ? HASH_ENDED : HASH_OFF;
    return e == ERR_NONE;
}

/* The rename that made the upload whole changed the file's times once more: ask
 * by its name, and see that it is the same file. */
void
hash_keep(struct sftp_server *s, const struct handle *h, const struct vfs_stat *st)
{
    struct vfs *v = s->config.vfs;
    struct vfs_path path = {.n = h->path_len};
    struct vfs_stat now;
    memcpy(path.text, h->path, h->path_len);
    path.text[h->path_len] = 0;
    if (v->ops->stat(v, &path, &now) != 0 || now.dev != st->dev || now.ino != st->ino ||
        now.size != st->size)
        return;
    size_t i = s->digests.n++ % DIGESTS_KEPT;
    s->digests.kept[i].of = now;
    memcpy(s->digests.kept[i].sha256, h->sha256, SFTP_SHA256_LEN);
}

const uint8_t *
hash_find(const struct sftp_server *s, const struct vfs_stat *st)
{
    const struct digests *d = &s->digests;
    size_t n = d->n < DIGESTS_KEPT ? d->n : DIGESTS_KEPT;
    for (size_t i = 0; i < n; i++) {
        const struct vfs_stat *of = &d->kept[i].of;
        if (of->dev == st->dev && of->ino == st->ino && of->size == st->size &&
            of->mtime == st->mtime && of->changed_ns == st->changed_ns)
            return d->kept[i].sha256;
    }
    return NULL;
}
