/*
 * The two requests that read whole files: copy-data and check-file. They run in
 * steps, one a call of sftp_server_input, so that keepalives, a rekey or a stop
 * come in between (threats P12). No other request runs meanwhile, so the
 * handles they use stay open.
 */
#include "sftp/server_impl.h"

#include <errno.h>

#include "wire/put.h"

enum {
    HASH_CHUNK = 64 << 10,                 /* octets read at a time */
    HASH_STEP = 2 << 20,                   /* octets hashed a call: some milliseconds */
    HASH_BLOCK_LEAST = 256,                /* check-file's smallest block, the draft's */
    DIGESTS_MAX = SFTP_MESSAGE_MAX - 1024, /* octets of all digests in one reply */
};

void
job_clear(struct sftp_server *s)
{
    struct job *job = &s->job;
    struct vfs *v = s->config.vfs;
    if (job->owns_file)
        (void)v->ops->close(v, job->file); /* read only: nothing to lose */
    if (job->hash)
        s->config.hashes->free(job->hash);
    buf_clear(&job->digests);
    *job = (struct job){0};
}

static enum err
finish_error(struct sftp_server *s, int error)
{
    uint32_t id = s->job.id;
    job_clear(s);
    return reply_error(s, id, error);
}

static enum err
finish_status(struct sftp_server *s, enum ssh_fx code, const char *text)
{
    uint32_t id = s->job.id;
    job_clear(s);
    return reply_status(s, id, code, text);
}

/* ---- copy-data ---- */

/* What was not copied is missing in the file: as a failed WRITE. */
static enum err
finish_copy_error(struct sftp_server *s, int error)
{
    uint32_t id = s->job.id;
    struct handle *to = s->job.to;
    job_clear(s);
    to->write_error = error;
    return reply_handle_error(s, id, error, to);
}

static enum err
copy_step(struct sftp_server *s)
{
    struct job *job = &s->job;
    struct vfs *v = s->config.vfs;
    uint64_t copied = 0;
    int error = v->ops->copy(v, job->from->file, job->from_offset, job->to->file,
                             job->to_offset, job->left, &copied);
    hash_stop(s, job->to);
    if (error != 0)
        return finish_copy_error(s, error);
    job->from->n_read += copied;
    job->to->n_written += copied;
    job->from_offset += copied;
    job->to_offset += copied;
    job->left -= copied;
    if (copied == 0 && job->wants_all)
        return finish_status(s, SSH_FX_EOF, "The source ended before all was copied");
    return copied == 0 || job->left == 0 ? finish_error(s, 0) : ERR_NONE;
}

/* 0; or why this pair of handles cannot be copied between. */
static const char *
check_pair(struct sftp_server *s, const struct handle *from, const struct handle *to)
{
    struct vfs *v = s->config.vfs;
    struct vfs_stat a, b;
    if (!(from->flags & VFS_READ))
        return "The source was not opened for reading";
    if (!(to->flags & VFS_WRITE))
        return "The target was not opened for writing";
    if (v->ops->fstat(v, from->file, &a) != 0 || v->ops->fstat(v, to->file, &b) != 0)
        return "The files could not be examined";
    /* Two names of one file would let it grow without end. */
    return a.dev == b.dev && a.ino == b.ino ? "A file cannot be copied onto itself"
                                            : NULL;
}

enum err
on_copy_data(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_copy_data *m = msg;
    enum err result;
    struct handle *from = server_handle(s, id, m->read_handle, HANDLE_FILE, &result);
    if (!from)
        return result;
    struct handle *to = server_handle(s, id, m->write_handle, HANDLE_FILE, &result);
    if (!to)
        return result;
    const char *refusal = check_pair(s, from, to);
    if (refusal)
        return reply_status(s, id, SSH_FX_FAILURE, refusal);
    if (!range_is_possible(m->read_offset, m->read_len) ||
        !range_is_possible(m->write_offset, m->read_len))
        return reply_error(s, id, EOVERFLOW);
    /* Without a length: as far as both offsets can go, or the source's end. */
    uint64_t furthest =
        m->read_offset > m->write_offset ? m->read_offset : m->write_offset;
    s->job = (struct job){
        .step = copy_step,
        .id = id,
        .from = from,
        .to = to,
        .from_offset = m->read_offset,
        .to_offset = m->write_offset,
        .left = m->read_len ? m->read_len : (uint64_t)INT64_MAX - furthest,
        .wants_all = m->read_len != 0,
    };
    return ERR_NONE;
}

/* ---- check-file ---- */

static enum err
send_digests(struct sftp_server *s)
{
    struct job *job = &s->job;
    struct sftp_msg_extended_reply head = {.id = job->id};
    struct sftp_msg_ext_check_file_reply fields = {
        .hash_algo_used = bytes_of(job->algorithm, job->algorithm_len),
        .hashes = buf_bytes(&job->digests),
    };
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_EXTENDED_REPLY], b, &head);
    if (s->repeats_check_file)
        put_cstring(b, "check-file");
    msg_put(&sftp_msgs[SFTP_EXT_CHECK_FILE_REPLY], b, &fields);
    job_clear(s);
    return reply_end(s);
}

/* The current block is whole, or the range ended: its digest. */
static enum err
end_block(struct sftp_server *s)
{
    struct job *job = &s->job;
    uint8_t digest[SFTP_DIGEST_MAX];
    enum err e = s->config.hashes->end(job->hash, digest);
    if (e == ERR_NONE)
        buf_put(&job->digests, bytes_of(digest, job->digest_len));
    job->block_left = job->block_size;
    return e != ERR_NONE ? e : buf_err(&job->digests);
}

/* Hash the next piece. *is_end: nothing is left of the range or of the file. */
static enum err
hash_chunk(struct sftp_server *s, int *error, bool *is_end)
{
    struct job *job = &s->job;
    struct vfs *v = s->config.vfs;
    uint8_t chunk[HASH_CHUNK];
    uint64_t most = job->left < job->block_left ? job->left : job->block_left;
    struct iovec iov = {chunk, most < sizeof chunk ? (size_t)most : sizeof chunk};
    size_t got = 0;
    if (most != 0)
        *error = v->ops->preadv(v, job->file, &iov, 1, job->from_offset, &got);
    *is_end = got == 0;
    if (*error != 0 || got == 0)
        return ERR_NONE;
    job->from_offset += got;
    job->left -= got;
    job->block_left -= got;
    enum err e = s->config.hashes->update(job->hash, bytes_of(chunk, got));
    return e == ERR_NONE && job->block_left == 0 ? end_block(s) : e;
}

static enum err
check_step(struct sftp_server *s)
{
    struct job *job = &s->job;
    enum err e = ERR_NONE;
    int error = 0;
    bool is_end = false;
    for (size_t n = 0; n < HASH_STEP && e == ERR_NONE && error == 0 && !is_end;
         n += HASH_CHUNK)
        e = hash_chunk(s, &error, &is_end);
    bool has_rest = job->block_left != job->block_size || job->digests.n == 0;
    if (e == ERR_NONE && is_end && has_rest)
        e = end_block(s);
    if (error != 0)
        return finish_error(s, error);
    if (e != ERR_NONE)
        return finish_status(s, SSH_FX_FAILURE, "The checksum could not be computed");
    return is_end ? send_digests(s) : ERR_NONE;
}

/* The first algorithm of the client's list that is known here. */
static bool
pick_algorithm(struct sftp_server *s, struct bytes list)
{
    struct job *job = &s->job;
    struct bytes name;
    while (bytes_next_item(&list, &name)) {
        job->digest_len = s->config.hashes->digest_len(name);
        if (job->digest_len == 0 || name.n > sizeof job->algorithm)
            continue;
        memcpy(job->algorithm, name.p, name.n);
        job->algorithm_len = name.n;
        return s->config.hashes->begin(name, &job->hash) == ERR_NONE;
    }
    return false;
}

/* The whole file's SHA-256, when it passed by while it was uploaded. */
static const uint8_t *
find_known(struct sftp_server *s, struct handle *h, const struct vfs_stat *st)
{
    const struct job *job = &s->job;
    bool is_whole =
        job->from_offset == 0 && job->left == st->size && job->block_size == UINT64_MAX;
    if (!is_whole ||
        !bytes_eq_str(bytes_of(job->algorithm, job->algorithm_len), "sha256"))
        return NULL;
    if (h && hash_end(s, h, st->size))
        return h->sha256;
    return hash_find(s, st);
}

/* Everything but the file: NULL, or why not. h: NULL when by name. */
static const char *
prepare_check(struct sftp_server *s, struct handle *h,
              const struct sftp_msg_ext_check_file *m)
{
    struct job *job = &s->job;
    struct vfs *v = s->config.vfs;
    struct vfs_stat st;
    if (m->block_size != 0 && m->block_size < HASH_BLOCK_LEAST)
        return "Blocks of less than 256 octets are not hashed";
    if (v->ops->fstat(v, job->file, &st) != 0)
        return "The file could not be examined";
    if (m->start > st.size)
        return "The range begins behind the end of the file";
    uint64_t span = st.size - m->start;
    if (m->length != 0 && m->length < span)
        span = m->length;
    job->from_offset = m->start;
    job->left = span;
    job->block_size = m->block_size ? m->block_size : UINT64_MAX;
    job->block_left = job->block_size;
    if (!pick_algorithm(s, m->hash_list))
        return "None of the hash algorithms asked for is known here";
    if (span / job->block_size >= DIGESTS_MAX / job->digest_len)
        return "So many blocks fit no reply: ask for larger ones or a shorter range";
    buf_init(&job->digests, DIGESTS_MAX);
    const uint8_t *known = find_known(s, h, &st);
    if (known)
        buf_put(&job->digests, bytes_of(known, SFTP_SHA256_LEN));
    else if (h && !(h->flags & VFS_READ))
        return "The file was not opened for reading";
    return NULL;
}

/* s->job.file is set; what it holds is let go when the check cannot be made. */
static enum err
start_check(struct sftp_server *s, uint32_t id, struct handle *h,
            const struct sftp_msg_ext_check_file *m)
{
    s->job.id = id;
    const char *refusal = prepare_check(s, h, m);
    if (refusal)
        return finish_status(s, SSH_FX_FAILURE, refusal);
    if (s->job.digests.n != 0)
        return send_digests(s);
    s->job.step = check_step;
    return ERR_NONE;
}

enum err
on_check_file_name(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_check_file *m = msg;
    struct vfs *v = s->config.vfs;
    struct vfs_path path;
    struct vfs_file *file;
    int error = server_path(s, m->file, &path);
    if (error == 0)
        error = v->ops->open(v, &path, VFS_READ, 0, &file);
    if (error != 0)
        return reply_path_error(s, id, error, &path);
    s->job = (struct job){.file = file, .owns_file = true};
    return start_check(s, id, NULL, m);
}

enum err
on_check_file_handle(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_check_file *m = msg;
    enum err result;
    struct handle *h = server_handle(s, id, m->file, HANDLE_FILE, &result);
    if (!h)
        return result;
    bool is_hashed = h->hash_state == HASH_RUNNING || h->hash_state == HASH_ENDED;
    if (!(h->flags & VFS_READ) && !is_hashed)
        return reply_status(s, id, SSH_FX_PERMISSION_DENIED,
                            "The file was not opened for reading");
    s->job = (struct job){.file = h->file};
    return start_check(s, id, h, m);
}
