/*
 * The binary packet protocol (RFC 4253 6): receiving opens packets in place in
 * one buffer, sending seals them in place where they were laid out.
 *
 * Knows lengths, padding, sequence numbers and the order of sealing; no
 * message, no algorithm name. A packet to be sent is a piece of a slab with
 * room for its head, padding and tag around the payload:
 *
 *     descriptor | packet_length padding_length | payload | padding | tag
 *                 ^wire                          ^packet_payload()
 */
#ifndef FERRY_SSH_PACKET_H
#define FERRY_SSH_PACKET_H

#include <sys/uio.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/slab.h"
#include "crypto/protect.h"
#include "ssh/compress.h"

enum {
    PACKET_HEAD = 5,                /* packet_length, padding_length */
    PACKET_PADDING_ROOM = 36,       /* 4..19, and 16 for the 16-octet minimum */
    PACKET_MAX_BEFORE_AUTH = 35000, /* packet_length; RFC 4253 6.1 (threats 13) */
    PACKET_MAX = 256 * 1024,        /* packet_length, as OpenSSH */
    /* Octets received and not opened yet, while packet_max is the former. */
    PACKET_RX_BEFORE_AUTH = 80 * 1024,
};

/* ---- sending ---- */

enum packet_mark {
    PACKET_PLAIN = 0,
    PACKET_SWITCHES_KEYS,      /* NEWKEYS: what follows uses tx->next_protect */
    PACKET_STARTS_COMPRESSION, /* USERAUTH_SUCCESS of a server */
};

struct packet {
    struct packet *next;
    struct slab *slab; /* holds one reference */
    uint8_t *wire;
    uint32_t payload_len;
    uint32_t wire_len; /* set by sealing: everything, tag included */
    uint32_t window;   /* octets of channel data in it, for channel.c */
    enum packet_mark mark;
    bool is_open_ended; /* channel.c may still append to it */
};

struct packet_queue {
    struct packet *head, **tail;
    size_t octets;  /* payloads queued */
    size_t control; /* of these, what is no channel data */
};

void packet_queue_init(struct packet_queue *q);
void packet_queue_put(struct packet_queue *q, struct packet *p);
struct packet *packet_queue_take(struct packet_queue *q); /* NULL: empty */
void packet_queue_clear(struct packet_queue *q);          /* frees all */

/* A packet with room for payload_len octets, not yet written. NULL: no memory. */
struct packet *packet_carve(struct slab_pool *pool, size_t payload_len);
struct packet *packet_copy(struct slab_pool *pool, struct bytes payload);
void packet_free(struct packet *p);

static inline uint8_t *
packet_payload(const struct packet *p)
{
    return p->wire + PACKET_HEAD;
}

/* Octets of a slab that a payload of n octets takes, descriptor and all. */
size_t packet_footprint(size_t payload_len);

struct packet_tx {
    struct slab_pool *pool;
    const struct rand_source *rand;
    struct protect *protect;      /* now */
    struct protect *next_protect; /* after PACKET_SWITCHES_KEYS */
    struct compress *compress, *next_compress;
    bool compresses;        /* compress is in use (after authentication) */
    bool wants_compression; /* negotiated for this direction */
    bool is_held;           /* between own KEXINIT and own NEWKEYS: only `urgent` goes */
    bool is_strict;         /* sequence numbers restart at NEWKEYS */
    uint32_t sequence_number;
    uint64_t key_octets, key_packets; /* under the present keys */
    uint64_t octets, packets;         /* all */
    struct packet_queue urgent;       /* key exchange: never held */
    struct packet_queue queue;        /* the rest, in order */
    struct packet_queue sealed;       /* ready for the socket */
    size_t sealed_sent;               /* octets of sealed.head written already */
    size_t sealed_octets;             /* waiting in sealed */
    struct buf scratch;               /* compressed payload */
    uint8_t padding[256];             /* random, used up from the end */
    size_t padding_left;
};

enum err packet_tx_init(struct packet_tx *tx, struct slab_pool *pool,
                        const struct rand_source *rand) MUST_USE;
void packet_tx_clear(struct packet_tx *tx);

/* Seal queued packets while fewer than `octets` wait in sealed. */
enum err packet_tx_seal(struct packet_tx *tx, size_t octets) MUST_USE;

/* Nothing queued that could be sent now, nothing sealed. */
bool packet_tx_is_idle(const struct packet_tx *tx);

int packet_tx_iov(const struct packet_tx *tx, struct iovec *iov, int max);
void packet_tx_sent(struct packet_tx *tx, size_t n);

/* ---- receiving ---- */

struct packet_rx {
    struct protect *protect, *next_protect;
    struct compress *inflate, *next_inflate;
    bool inflates, wants_compression;
    bool is_strict;
    uint32_t sequence_number; /* of the next packet */
    uint32_t packet_max;      /* packet_length accepted */
    uint64_t key_octets, key_packets, octets, packets;
    uint8_t *buf;
    size_t cap;
    size_t start, end; /* octets received and not taken: buf[start..end) */
    size_t taken;      /* length of the packet handed out last, to be dropped */
    bool has_length;   /* packet_length of the packet at start is known */
    uint32_t length;
    bool was_filled;    /* the last read used all the room: grow */
    struct buf scratch; /* inflated payload */
};

enum err packet_rx_init(struct packet_rx *rx) MUST_USE;
void packet_rx_clear(struct packet_rx *rx);

/* Room to read into; moves or grows the buffer. NULL: no memory. */
uint8_t *packet_rx_space(struct packet_rx *rx, size_t *n);
void packet_rx_added(struct packet_rx *rx, size_t n);

/* Octets that came and were not consumed as packets: before the first packet,
 * the identification lives here. */
struct bytes packet_rx_raw(const struct packet_rx *rx);
void packet_rx_drop(struct packet_rx *rx, size_t n);

/*
 * Take the next packet. *payload: from the message number on, in place, valid
 * until the next call. payload->n == 0: no whole packet has arrived yet.
 * ERR_PROTO: bad length or padding; ERR_CRYPTO: bad tag. Details in *why.
 */
enum err
packet_rx_next(struct packet_rx *rx, struct bytes *payload, struct fault *why) MUST_USE;

/* NEWKEYS arrived: switch to next_protect. */
void packet_rx_switch_keys(struct packet_rx *rx);

/* Start inflating (authentication succeeded). */
void packet_rx_start_compression(struct packet_rx *rx);

/* An idle connection holds little memory: give the big buffer back. */
void packet_rx_trim(struct packet_rx *rx);

#endif
