/*
 * The SFTP server behind INIT, over a tree in memory. The input is one octet of
 * options, then what a client would send, frames and all: a recorded session is
 * a seed. Handles are foreseeable here, so that the fuzzer can name them.
 *
 * Checked besides memory: that replies are whole frames, that nothing larger
 * than a message leaves, and that the server never takes more than it was given.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sftp/server.h"
#include "sftp/stream_mem.h"
#include "vfs/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum option {
    OPTION_SLICES = 0x07, /* 0: all at once; else slices of 1 << n octets */
    OPTION_READ_ONLY = 0x08,
    OPTION_TIGHT = 0x10, /* room for one small reply at a time */
    OPTION_PARAMIKO = 0x20,
    OPTION_FAULT = 0x40, /* the third call of some kind fails */
};

static enum err
no_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0, n);
    return ERR_NONE;
}

static int64_t
no_time(void *ctx)
{
    (void)ctx;
    return 1700000000;
}

static bool
local_time(void *ctx, int64_t seconds, struct tm *t)
{
    (void)ctx;
    time_t when = (time_t)seconds;
    return gmtime_r(&when, t) != NULL;
}

static bool
name_of(void *ctx, uint32_t id, char name[SFTP_OWNER_MAX + 1])
{
    (void)ctx;
    snprintf(name, SFTP_OWNER_MAX + 1, "user%u", id);
    return id % 2 == 0;
}

/* ---- a hash that costs nothing ---- */

static size_t
digest_len(struct bytes name)
{
    return bytes_eq_str(name, "md5") ? 16 : bytes_eq_str(name, "sha512") ? 64 : 0;
}

static enum err
hash_begin(struct bytes name, void **state)
{
    size_t *n = malloc(sizeof *n);
    if (!n)
        return ERR_NOMEM;
    *n = digest_len(name);
    *state = n;
    return ERR_NONE;
}

static enum err
hash_update(void *state, struct bytes data)
{
    (void)state, (void)data;
    return ERR_NONE;
}

static enum err
hash_end(void *state, uint8_t *digest)
{
    memset(digest, 0x5a, *(size_t *)state);
    return ERR_NONE;
}

/* ---- one session ---- */

/* Whole frames only, none empty or too large. */
static void
check_replies(struct mem_stream *m)
{
    struct bytes left = mem_stream_pending(m);
    while (left.n != 0) {
        if (left.n < 5)
            abort();
        size_t n = (size_t)left.p[0] << 24 | (size_t)left.p[1] << 16 |
                   (size_t)left.p[2] << 8 | left.p[3];
        if (n == 0 || n > SFTP_MESSAGE_MAX || n > left.n - 4)
            abort();
        left = bytes_skip(left, 4 + n);
    }
    mem_stream_drain(m, mem_stream_pending(m).n);
}

static bool
feed(struct sftp_server *s, struct mem_stream *m, struct bytes in)
{
    do {
        size_t used = 0;
        enum err e = sftp_server_input(s, in, &used);
        if (used > in.n)
            abort();
        check_replies(m);
        if (e != ERR_NONE)
            return false;
        in = bytes_skip(in, used);
    } while (in.n != 0 || sftp_server_is_busy(s));
    return true;
}

static void
converse(struct sftp_server *s, struct mem_stream *m, unsigned options, struct bytes in)
{
    unsigned shift = options & OPTION_SLICES;
    size_t step = shift ? (size_t)1 << shift : in.n;
    bool goes_on = feed(s, m, bytes_of("\0\0\0\5\1\0\0\0\3", 9));
    while (goes_on && in.n != 0) {
        goes_on = feed(s, m, bytes_first(in, step));
        in = bytes_skip(in, step);
    }
}

/* Something to find: a file, a directory, links. */
static struct vfs *
make_tree(void)
{
    struct mem_vfs_options options = {.capacity = 4 << 20};
    struct vfs *v;
    struct vfs_path p;
    struct vfs_file *f;
    if (mem_vfs_new(&options, &v) != 0)
        abort();
    vfs_path_root(&p);
    if (vfs_path_append(&p, BYTES_LIT("f")) != 0 ||
        v->ops->open(v, &p, VFS_WRITE | VFS_CREATE, 0644, &f) != 0 ||
        v->ops->pwrite(v, f, BYTES_LIT("some content"), 0) != 0 ||
        v->ops->close(v, f) != 0)
        abort();
    vfs_path_pop(&p);
    if (vfs_path_append(&p, BYTES_LIT("d")) != 0 || v->ops->mkdir(v, &p, 0755) != 0 ||
        vfs_path_append(&p, BYTES_LIT("l")) != 0 || v->ops->symlink(v, "../f", &p) != 0)
        abort();
    return v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rand_source rand = {.fill = no_random};
    static const struct sftp_host host = {.now = no_time,
                                          .local_time = local_time,
                                          .user_name = name_of,
                                          .group_name = name_of};
    static const struct sftp_hashes hashes = {.digest_len = digest_len,
                                              .begin = hash_begin,
                                              .update = hash_update,
                                              .end = hash_end,
                                              .free = free};
    if (size == 0)
        return 0;
    unsigned options = data[0];
    struct vfs *v = make_tree();
    struct mem_stream stream;
    struct sftp_server *s;
    struct sftp_server_config config = {
        .vfs = v,
        .home = "/d",
        .user = "me",
        .peer_software = (options & OPTION_PARAMIKO) ? "paramiko" : "",
        .is_read_only = (options & OPTION_READ_ONLY) != 0,
        .rand = &rand,
        .host = &host,
        .hashes = &hashes,
    };
    if (options & OPTION_FAULT)
        mem_vfs_set_fault(v, &(struct mem_fault){size % MEM_OP_COUNT, 3, 5, 1});
    mem_stream_init(&stream, (options & OPTION_TIGHT) ? 1 : 1 << 20, 4096);
    if (sftp_server_new(&config, &stream.stream, &s) != ERR_NONE)
        abort();
    converse(s, &stream, options, bytes_of(data + 1, size - 1));
    sftp_server_free(s);
    mem_stream_clear(&stream);
    vfs_free(v);
    return 0;
}
