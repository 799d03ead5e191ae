/* See tree.h. */
#include "transfer/tree.h"

#include <stdlib.h>

enum { PATH_LEN_MAX = 65536 };

static struct tree_dir *
refuse(struct job *job, struct tree_dir *parent, struct bytes remote,
       struct local_dir *local, const char *why)
{
    struct problem p = problem_text(TRANSFER_REFUSED, remote, why);
    local_dir_unref(local);
    if (parent)
        parent->is_failed = true;
    job_count(job, &(struct transfer_totals){.dirs = 1, .dirs_failed = 1});
    job_fail(job, remote, &p);
    return NULL;
}

struct tree_dir *
tree_dir_new(struct job *job, struct tree_dir *parent, struct bytes remote,
             struct local_dir *local)
{
    unsigned depth = parent ? parent->depth + 1 : 0;
    if (depth > DEPTH_MAX)
        return refuse(job, parent, remote, local, "too many directories deep; left out");
    if (job->t->n_waiting[TASK_DIR] >= DIRS_WAITING_MAX)
        return refuse(job, parent, remote, local, "too many directories; left out");
    struct tree_dir *dir = calloc(1, sizeof *dir);
    if (!dir)
        return refuse(job, parent, remote, local, "out of memory");
    *dir = (struct tree_dir){
        .job = job, .parent = parent, .refs = 1, .depth = depth, .local = local};
    buf_init(&dir->remote, PATH_LEN_MAX);
    buf_put(&dir->remote, remote);
    if (buf_err(&dir->remote) != ERR_NONE) {
        free(dir);
        return refuse(job, parent, remote, local, "out of memory, or too long a path");
    }
    if (parent)
        parent->refs++;
    return dir;
}

struct tree_dir *
tree_dir_ref(struct tree_dir *dir)
{
    dir->refs++;
    return dir;
}

/* A loop and not a recursion: the chain is as long as the tree is deep. */
void
tree_dir_unref(struct tree_dir *dir)
{
    while (dir && --dir->refs == 0) {
        struct tree_dir *parent = dir->parent;
        if (dir->on_empty)
            dir->on_empty(dir);
        if (parent && dir->is_failed)
            parent->is_failed = true;
        local_dir_unref(dir->local);
        buf_clear(&dir->remote);
        free(dir);
        dir = parent;
    }
}
