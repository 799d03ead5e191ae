/*
 * One remote file being read by many READs at once. It decides what to ask for
 * and knows when everything came; where the octets go is its task's business.
 *
 * The size is what a listing or STAT told, 0 or nothing counting as "not known"
 * (files of the kernel's tell 0). One octet more than it is asked for, in the
 * last READ that is sent anyway: a short reply then says that the file ends where
 * it should, without a round trip for the end of file. A file that ends earlier
 * is an error, one that has grown is read on to its end. Short replies before
 * that are asked for again, with smaller READs from then on: some servers do not
 * fill large ones.
 */
#ifndef FERRY_TRANSFER_READER_H
#define FERRY_TRANSFER_READER_H

#include "transfer/task.h"

enum {
    READER_STEP = 1000, /* its calls' step */
    /* How far READs go beyond the first octet that is missing. A part cut off by a
     * crash has its gaps within so many octets of its end. */
    READER_SPAN = 16 << 20,
};

struct reader {
    struct task *task;
    uint8_t handle[SFTP_HANDLE_MAX];
    size_t handle_len;
    uint64_t size;  /* octets expected; UINT64_MAX: not known, or it has grown */
    uint64_t next;  /* where the next READ begins */
    uint64_t end;   /* where the server said the file ends; UINT64_MAX: not yet */
    uint64_t reach; /* behind the last octet that came */
    uint64_t gap;   /* where octets that a failed READ left out begin; UINT64_MAX: none */
    uint32_t chunk; /* octets asked by one READ */
    struct call_list calls; /* in flight, in the order of their offsets */
};

/* Read from offset `from` on. size: 0 for not known. */
void reader_init(struct reader *r, struct task *task, struct bytes handle, uint64_t from,
                 uint64_t size);

/* Send READs while there is room; true: there is more to send. */
bool reader_run(struct reader *r);

/* A slice of one of its calls; the task stores it by itself. Asks again for what a
 * short reply left out. */
void reader_data(struct reader *r, struct call *call, const struct sftp_event *ev);

/* The STATUS of one of its calls. False: not the end of the file but a failure. */
bool reader_status(struct reader *r, struct call *call, const struct sftp_event *ev);

/* Nothing is in flight and the end was seen. */
bool reader_is_done(const struct reader *r);

/* Once done: did exactly the octets come that had to? */
bool reader_is_whole(const struct reader *r);

/* All octets before this offset came. */
uint64_t reader_contiguous(const struct reader *r);

#endif
