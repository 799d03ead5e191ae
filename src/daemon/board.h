/*
 * The board: what each connection is doing, for `ferryd top`, and what share of
 * its account's rates it has. One page a connection in shared memory, so that a
 * session tells and is told without a message. The listener sees all pages, a
 * session maps its own and no other (no sharing between accounts).
 *
 * A session may write anything into its page: readers copy, bound and encode
 * what they find there and believe none of it.
 */
#ifndef FERRY_DAEMON_BOARD_H
#define FERRY_DAEMON_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    BOARD_PAGE = 4096,     /* octets; one memory page */
    BOARD_PATH_MAX = 1024, /* octets that are shown of a path */
    BOARD_CLIENT_MAX = 128,
};

struct board_page {
    /* Written by the session. */
    _Atomic uint64_t octets_in, octets_out; /* of files, since the login */
    _Atomic uint64_t n_requests, n_files;
    _Atomic uint32_t change;    /* odd while the texts below are written */
    _Atomic uint64_t file_size; /* octets expected; 0: not known */
    _Atomic uint64_t file_offset;
    _Atomic uint32_t file_flags; /* vfs_open_flag; 0: no file is open */
    uint32_t path_len, client_len;
    uint8_t path[BOARD_PATH_MAX]; /* of the file in hand */
    uint8_t client[BOARD_CLIENT_MAX];
    /* Written by the listener. 0: no limit. */
    _Atomic uint64_t upload_share, download_share; /* octets a second, now */
    _Atomic uint64_t throttle; /* an administrator's limit, both ways */
};

_Static_assert(sizeof(struct board_page) <= BOARD_PAGE, "a page each");

/* A memfd of n pages, zeroed, sealed against resizing. The caller's. */
enum err board_new(uint32_t n, int *fd) MUST_USE;

/* Map all pages, or one. NULL: no memory. Unmapped by the process's end. */
struct board_page *board_map_all(int fd, uint32_t n);
struct board_page *board_map_one(int fd, uint32_t place);

/* The ith page of board_map_all. */
struct board_page *board_at(struct board_page *all, uint32_t place);

/* Make a page empty before another connection gets it; nobody else has it mapped. */
void board_reset(struct board_page *p);

/* The session's side: what the client calls itself, and the file in hand. Any octets;
 * cut when too long. */
void board_set_client(struct board_page *p, struct bytes client);
void
board_set_file(struct board_page *p, struct bytes path, uint32_t flags, uint64_t size);
void board_clear_file(struct board_page *p);

/*
 * A reader's copy, lengths bounded. False: the texts are being written just now, or a
 * hostile writer pretends so: no file and no client then, the numbers all the same.
 */
struct board_view {
    uint64_t octets_in, octets_out, n_requests, n_files, file_size, file_offset;
    uint32_t file_flags;
    uint32_t path_len, client_len;
    uint8_t path[BOARD_PATH_MAX];
    uint8_t client[BOARD_CLIENT_MAX];
};
bool board_read(const struct board_page *p, struct board_view *view);

#endif
