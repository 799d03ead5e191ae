/*
 * A directory of a recursive job: a node that lives as long as something in it
 * is under way. When the last of its content is done, `on_empty` does what must
 * come last (times and modes, or the removal), then the parent is let go.
 */
#ifndef FERRY_TRANSFER_TREE_H
#define FERRY_TRANSFER_TREE_H

#include "transfer/local.h"
#include "transfer/task.h"

struct tree_dir {
    struct job *job;
    struct tree_dir *parent; /* NULL: the job's own */
    unsigned refs;           /* tasks in it, and directories below */
    unsigned depth;
    struct buf remote;       /* its remote path */
    struct local_dir *local; /* NULL: the job has no local side */
    struct sftp_attrs attrs; /* the source's */
    bool is_failed;          /* something in it went wrong, or it was stopped */
    /* Nothing is left below; called once, before the node is freed. NULL: nothing
     * to do. May queue a task that holds the parent. */
    void (*on_empty)(struct tree_dir *dir);
};

/*
 * A node with one reference, the caller's; local is taken over, remote copied. NULL:
 * out of memory, or deeper than DEPTH_MAX; the job has been told.
 */
struct tree_dir *tree_dir_new(struct job *job, struct tree_dir *parent,
                              struct bytes remote, struct local_dir *local);

struct tree_dir *tree_dir_ref(struct tree_dir *dir);
void tree_dir_unref(struct tree_dir *dir); /* NULL allowed */

/* ---- what jobs are made of; each queues its tasks by itself ---- */

/*
 * Receive one regular file as `name` in `dir`. node: whose directory it is in, or
 * NULL; both get a reference. attrs: as told by STAT or a listing. name and
 * remote are copied.
 */
void get_queue(struct job *job, struct tree_dir *node, struct local_dir *dir,
               const char *name, struct bytes remote, const struct sftp_attrs *attrs);

/* Receive a directory into `local`, which is taken over and need not exist. */
void tree_get_queue(struct job *job, struct tree_dir *parent, struct bytes remote,
                    struct local_dir *local, const struct sftp_attrs *attrs);

/* Where a file to be sent is: a path that the user named, or a name in a directory. */
struct put_source {
    const char *path; /* NULL: `name` in `dir` */
    struct local_dir *dir;
    const char *name;
    uint64_t size; /* as far as known; the sums count it */
};

/* Send one regular file. Strings are copied, source->dir gets a reference. */
void put_queue(struct job *job, struct tree_dir *node, const struct put_source *source,
               struct bytes remote);

/* Send the directory `local`, which is taken over, to be made as `remote`. */
void tree_put_queue(struct job *job, struct tree_dir *parent, struct local_dir *local,
                    struct bytes remote);

/* Copy one symbolic link, `name` in `dir`, or below the remote path of `dir`. */
void link_get_queue(struct tree_dir *dir, const char *name, struct bytes remote);
void link_put_queue(struct tree_dir *dir, const char *name, struct bytes remote);

void cat_queue(struct job *job);
void list_queue(struct job *job);
void command_queue(struct job *job);
void remove_tree_queue(struct job *job, struct tree_dir *parent, struct bytes remote);
void remove_queue(struct job *job);

/* GET and PUT: find out what source and target are, then queue one of the above. */
void locate_queue(struct job *job);

#endif
