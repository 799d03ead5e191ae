/*
 * The open files and directories of one channel. What goes over the wire is a
 * slot's number and a random generation, so that a stale, foreign or made-up
 * handle is recognised (threats R3). Rights are those granted at OPEN (P7).
 */
#ifndef FERRY_SFTP_HANDLES_H
#define FERRY_SFTP_HANDLES_H

#include "base/rand.h"
#include "sftp/server.h"

enum { HANDLE_LEN = 12 }; /* octets on the wire: uint32 slot, uint64 generation */

enum handle_kind { HANDLE_FILE, HANDLE_DIR };

struct handle {
    enum handle_kind kind;
    uint32_t slot;
    uint64_t generation;
    union {
        struct vfs_file *file;
        struct vfs_dir *dir;
    };
    unsigned flags;             /* vfs_open_flag, of a file */
    uint64_t n_read, n_written; /* octets; of a directory: names told */
    int64_t opened_at;          /* seconds since 1970 */
    int error;                  /* the first failure of a use, for the audit */
    int sync_error;             /* a failed fsync fails the file for good (threats D3) */
    int write_error; /* so does a failed WRITE, until CLOSE has told it (law 9) */
    char *why;       /* owned: the rule behind `error`; NULL: none */
    uint64_t size;   /* when opened for reading */
    /* The digest of what came, as long as it comes in order from the start. */
    enum { HASH_UNTRIED, HASH_RUNNING, HASH_ENDED, HASH_OFF } hash_state;
    void *hash;
    uint64_t hashed; /* octets */
    uint8_t sha256[SFTP_SHA256_LEN];
    size_t path_len;
    char path[]; /* as it was opened, within the vfs */
};

struct handles {
    struct handle *slots[SFTP_HANDLES_MAX];
    unsigned n_open;
};

/*
 * A handle without its file or directory yet, of which the caller fills in the
 * rest. EMFILE: all slots are taken; ENOMEM; EIO: no randomness.
 */
int handle_new(struct handles *all, const struct rand_source *rand,
               const struct vfs_path *path, struct handle **h) MUST_USE;

/* The handle that a peer names; NULL: no such one is open. */
struct handle *handle_find(const struct handles *all, struct bytes wire);

/* Write what the peer will name it by. */
void handle_wire(const struct handle *h, uint8_t wire[HANDLE_LEN]);

/* Forget it; what it held has been closed. */
void handle_free(struct handles *all, struct handle *h);

#endif
