/* What the audit trail hears: files when they are closed, names when they change,
 * and whatever a rule refused, with that rule. */
#include "sftp/server_impl.h"

#include <errno.h>

const char *
refusal_of(struct sftp_server *s, int error)
{
    bool has_rule =
        error == VFS_ERR_REFUSED || error == VFS_ERR_READ_ONLY || error == EDQUOT;
    struct vfs *v = s->config.vfs;
    const char *text = has_rule ? v->ops->refusal(v) : "";
    return text ? text : "";
}

static void
tell(struct sftp_server *s, const struct sftp_audit *use)
{
    if (s->config.audit)
        s->config.audit(s->config.audit_ctx, use);
}

void
audit_refusal(struct sftp_server *s, int error, const char *text, struct bytes path)
{
    bool is_rule = error == VFS_ERR_REFUSED || error == VFS_ERR_READ_ONLY;
    if (!is_rule && error != EDQUOT)
        return;
    struct sftp_audit use = {
        .kind = is_rule ? SFTP_AUDIT_REFUSED : SFTP_AUDIT_QUOTA,
        .path = path,
        .error = error,
        .text = *text ? text : sftp_failure_of(error).text,
    };
    tell(s, &use);
}

void
audit_change(struct sftp_server *s, enum sftp_audit_kind kind,
             const struct vfs_path *path, const struct vfs_path *other)
{
    struct sftp_audit use = {.kind = kind, .path = vfs_path_bytes(path), .text = ""};
    if (other)
        use.other = vfs_path_bytes(other);
    tell(s, &use);
}

static enum sftp_audit_kind
kind_of(const struct handle *h, bool left_open)
{
    if (h->kind == HANDLE_DIR)
        return SFTP_AUDIT_LISTING;
    if (!(h->flags & VFS_WRITE))
        return SFTP_AUDIT_DOWNLOAD;
    return h->error != 0 || left_open ? SFTP_AUDIT_UPLOAD_FAILED : SFTP_AUDIT_UPLOAD;
}

void
audit_closed(struct sftp_server *s, const struct handle *h, const struct vfs_stat *st,
             bool left_open)
{
    struct sftp_audit use = {
        .kind = kind_of(h, left_open),
        .path = bytes_of(h->path, h->path_len),
        .flags = h->flags,
        .n_read = h->n_read,
        .n_written = h->n_written,
        .seconds = s->config.host->now(s->config.host->ctx) - h->opened_at,
        .error = h->error,
        .text = h->why     ? h->why
                : h->error ? sftp_failure_of(h->error).text
                           : "",
        .was_left_open = left_open,
        .has_sha256 = h->hash_state == HASH_ENDED && h->error == 0 && !left_open,
    };
    if (st) {
        use.size = st->size;
        use.dev = st->dev;
        use.ino = st->ino;
    }
    if (use.has_sha256)
        memcpy(use.sha256, h->sha256, sizeof use.sha256);
    tell(s, &use);
}
