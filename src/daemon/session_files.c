/*
 * The tree of files of a session, and the filters in front of it; see
 * session_impl.h. From the disk upwards: what `ferryd serve` keeps back, the
 * quota, durable or atomic uploads, the account's rules. The quota counts what is
 * on the disk, temporaries of uploads included, hence its place.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/rand.h"
#include "daemon/session_impl.h"
#include "daemon/shield.h"
#include "vfs/atomic.h"
#include "vfs/policy.h"
#include "vfs/posix.h"
#include "vfs/quota.h"

/* Files of the daemon's own that lie inside the shared folder: `ferryd serve`. */
static int
add_shield(struct session *s)
{
    const struct daemon_public *public = s->config->public;
    const char *paths[PUBLIC_SHIELDED_MAX];
    for (uint32_t i = 0; i < public->n_shielded; i++)
        paths[i] = public->shielded[i];
    return public->n_shielded ? shield_vfs_new(s->vfs, paths, public->n_shielded, &s->vfs)
                              : 0;
}

/* ---- uploads ---- */

static int64_t
now(void *ctx)
{
    (void)ctx;
    return time(NULL);
}

/* What is about to be renamed into place is written down first, so that its event
 * comes even if everything dies right after. */
static int
note_intent(void *ctx, const struct vfs_path *path, const struct vfs_stat *st)
{
    struct session *s = ctx;
    struct monitor_record r = {.op = MONITOR_RECORD};
    struct bytes name = vfs_path_bytes(path);
    if (!s->grant.wants_intents)
        return 0;
    if (name.n > sizeof r.record.path)
        return ENAMETOOLONG;
    r.record.kind = RECORD_UPLOAD_INTENT;
    r.record.path_len = (uint32_t)name.n;
    memcpy(r.record.path, name.p, name.n);
    r.record.size = st->size;
    r.record.inode = st->ino;
    r.record.device = st->dev;
    return monitor_put(&s->monitor, &r, sizeof r) == ERR_NONE ? 0 : EIO;
}

static int
add_uploads(struct session *s)
{
    const struct atomic_options options = {
        .is_durable = s->grant.is_durable != 0,
        .now = now,
        .before_rename = note_intent,
        .ctx = s,
        .rand = &rand_system,
    };
    if (s->grant.is_atomic)
        return atomic_vfs_new(s->vfs, &options, &s->vfs);
    return s->grant.is_durable ? durable_vfs_new(s->vfs, &s->vfs) : 0;
}

/* ---- quota ---- */

static int
charge(void *ctx, int64_t octets, int64_t files, struct quota_state *state)
{
    struct session *s = ctx;
    const struct monitor_charge r = {MONITOR_CHARGE, octets, files};
    enum err err = monitor_put(&s->monitor, &r, sizeof r);
    if (err != ERR_NONE && (err != ERR_AUTH || s->monitor.reply.is_failed))
        return EIO;
    *state = s->monitor.reply.quota;
    return err == ERR_NONE ? 0 : EDQUOT;
}

/* After a crash nobody knows what is used: count. */
static int
recount(struct session *s)
{
    struct quota_state ignored;
    uint64_t octets, files;
    int error = charge(s, 0, 0, &ignored);
    if (error == 0)
        error = quota_count(s->vfs, &octets, &files);
    if (error != 0)
        return error;
    const struct monitor_charge r = {MONITOR_RECOUNTED, (int64_t)octets, (int64_t)files};
    return monitor_put(&s->monitor, &r, sizeof r) == ERR_NONE ? 0 : EIO;
}

static int
add_quota(struct session *s)
{
    if (s->grant.quota_octets == 0 && s->grant.quota_files == 0)
        return 0;
    int error = s->grant.needs_recount ? recount(s) : 0;
    s->ledger = (struct quota_ledger){charge, s};
    return error ? error : quota_vfs_new(s->vfs, &s->ledger, &s->vfs);
}

/* ---- rules ---- */

static int
parse_rules(struct session *s, struct policy **policy)
{
    struct fault why = {0};
    if (policy_parse(s->grant.rights, s->grant.refused_names, s->grant.is_read_only != 0,
                     policy, &why) == ERR_NONE)
        return 0;
    snprintf(s->refusal, sizeof s->refusal, "the account's permissions: %.150s",
             why.text);
    return EINVAL;
}

static int
make_tree(struct session *s)
{
    static int (*const filters[])(struct session *) = {add_shield, add_quota,
                                                       add_uploads};
    struct policy *policy;
    int error = parse_rules(s, &policy);
    if (error != 0)
        return error;
    const struct posix_vfs_options options = {
        .is_confined = s->grant.is_confined != 0,
        .is_literal = !policy_is_empty(policy), /* or links would be a way around rules */
    };
    error = posix_vfs_new(s->root, &options, &s->vfs);
    s->root = -1; /* the vfs's, also after a failure */
    for (size_t i = 0; error == 0 && i < ARRAY_LEN(filters); i++)
        error = filters[i](s);
    if (error == 0)
        return policy_vfs_new(s->vfs, policy, &s->vfs);
    policy_free(policy);
    return error;
}

/* A home that is not there, as inside most chroots, is the root (sshd's rule). */
static bool
has_directory(struct session *s, const char *text)
{
    struct vfs_path path;
    struct vfs_stat st;
    return text[0] && vfs_path_parse(&path, NULL, bytes_str(text)) == 0 &&
           s->vfs->ops->stat(s->vfs, &path, &st) == 0 && S_ISDIR(st.mode);
}

static void
find_home(struct session *s)
{
    if (!has_directory(s, s->grant.home))
        s->sftp.home = "/";
    if (has_directory(s, s->grant.start))
        s->sftp.start = s->grant.start;
}

void
session_open_files(struct session *s)
{
    if (s->refusal[0])
        return;
    int error = make_tree(s);
    if (error != 0 && s->refusal[0] == 0)
        snprintf(s->refusal, sizeof s->refusal, "the account's files: %s",
                 strerror(error));
    s->sftp.vfs = s->vfs;
    if (s->refusal[0] == 0)
        find_home(s);
}
