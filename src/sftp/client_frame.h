/*
 * A client's incoming framing: slices in, whole messages and bulk slices out.
 *
 *     uint32 length, byte type, ...            a message, given whole
 *     uint32 length, byte DATA, uint32 id, uint32 len, octets
 *                                              its head, then slices of the octets
 *
 * A message that lies whole in the caller's slice is shown there; one that is
 * spread over several is put together in a buffer of at most SFTP_PACKET_MAX.
 * draft-ietf-secsh-filexfer-02 section 3; threats R2.
 */
#ifndef FERRY_SFTP_CLIENT_FRAME_H
#define FERRY_SFTP_CLIENT_FRAME_H

#include "base/buf.h"

enum { FRAME_HEAD_LEN = 5, FRAME_DATA_HEAD_LEN = 13 };

enum frame_kind {
    FRAME_NONE,       /* the slice is used up */
    FRAME_MESSAGE,    /* message */
    FRAME_DATA_BEGIN, /* id, len */
    FRAME_DATA,       /* message: a slice of the data, at least one octet */
    FRAME_BAD_LENGTH, /* len; the octets in `message` began the frame */
    FRAME_NOMEM,
};

struct frame {
    enum frame_kind kind;
    struct bytes message; /* begins with the type octet; borrowed until the next step */
    uint32_t id;          /* DATA_BEGIN */
    uint32_t len;         /* DATA_BEGIN: octets of data to come; BAD_LENGTH: the length */
};

struct frame_reader {
    uint8_t head[FRAME_DATA_HEAD_LEN];
    size_t head_len;    /* octets held of it */
    uint32_t data_left; /* octets of DATA still to be given */
    uint32_t skip_left; /* octets behind DATA's, which nobody wants */
    size_t want;        /* octets that the message in `whole` will have; 0: none */
    struct buf whole;
};

void frame_reader_init(struct frame_reader *r);
void frame_reader_clear(struct frame_reader *r);

/* Take octets from *in, which shrinks, until there is something to say. */
struct frame frame_next(struct frame_reader *r, struct bytes *in);

/* True between two frames: nothing of one has been taken. */
bool frame_reader_is_idle(const struct frame_reader *r);

#endif
