/*
 * A scripted SFTP server for tests of the transfer jobs: one directory "/dir" with
 * the entries that a test lists, files whose octets follow from their offsets,
 * and knobs to lie with. It talks to a session through memory alone.
 */
#ifndef FERRY_TRANSFER_FAKE_SERVER_H
#define FERRY_TRANSFER_FAKE_SERVER_H

#include "sftp/stream_mem.h"
#include "transfer/session.h"

enum { FAKE_HANDLES = 4096, FAKE_PROBLEMS = 64, FAKE_REPLIES = 4096 };

struct fake_entry {
    const char *name;
    size_t name_len; /* 0: strlen */
    uint32_t permissions;
    uint64_t size;
    bool has_no_attrs;
};

struct fake_handle {
    char path[512];
    bool is_dir, is_listed, is_open;
    uint64_t extent; /* written up to */
};

struct fake {
    struct mem_stream stream; /* what the client sends */
    struct transfer *t;
    uint64_t now_ms;

    /* the tree */
    const struct fake_entry *entries;
    size_t n_entries;
    bool every_dir_lists; /* any directory lists the entries, not "/dir" alone */
    uint64_t mtime;
    const char *extensions; /* "name=value,..." for VERSION; NULL: none */

    /* the lies; zero: none */
    uint64_t real_size;  /* files end here, whatever STAT tells; 0: no lie */
    uint32_t max_read;   /* READ gives at most so many octets */
    bool reverses;       /* the replies of a turn go out in reverse order */
    unsigned fail_write; /* the n-th WRITE fails, from 1 */
    uint32_t fail_write_code;
    uint8_t fail_type;       /* requests of this type fail ... */
    uint32_t fail_code;      /* ... with this status */
    uint8_t silent_type;     /* requests of this type are not answered */
    int64_t size_error;      /* added to what FSTAT tells */
    uint32_t corrupt_at;     /* data differs at this offset; 0: no lie */
    bool refuses_excl;       /* the first OPEN with EXCL fails */
    const char *link_target; /* READLINK */

    /* what happened */
    struct fake_handle handles[FAKE_HANDLES];
    uint32_t n_handles, n_open, most_open;
    unsigned n_requests[256];
    uint64_t written;       /* octets of all WRITEs that were acknowledged */
    uint64_t least_read_at; /* the lowest offset of a READ */
    char last_rename_to[512], last_open[512];
    bool is_busy;  /* the fake itself is at work, not the session */
    struct buf in; /* requests, as far as they came */
    struct buf replies[FAKE_REPLIES];
    size_t n_replies;

    /* what the session told */
    unsigned n_events[TRANSFER_EV_JOB_DONE + 1];
    struct transfer_problem job_problem;
    enum transfer_failure failures[FAKE_PROBLEMS];
    char texts[FAKE_PROBLEMS][200];
    size_t n_failures;
    struct transfer_totals totals;
    uint64_t start_done; /* of the last FILE_START */
    struct buf data;     /* EV_DATA, one behind the other */
    char result[512];    /* EV_PATH */
};

/* Everything else is set afterwards, before the first turn. config: its out, rand
 * and sink are filled in; NULL: defaults. */
void fake_init(struct fake *f, const struct transfer_config *config);
void fake_clear(struct fake *f);

/* Add a job and run until all jobs are over or nothing moves any more; true: all
 * are over. */
bool fake_job(struct fake *f, const struct transfer_spec *spec);
bool fake_run(struct fake *f);

/* One turn: requests that were sent are answered. False: there were none. */
bool fake_turn(struct fake *f);

/* The octet at that offset of every file. */
uint8_t fake_octet(uint64_t offset);

#endif
