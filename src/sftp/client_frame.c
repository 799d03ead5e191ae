/* See client_frame.h. */
#include "sftp/client_frame.h"

#include "sftp/client.h"

/* Of a DATA frame behind its length: type, id, length of the data. */
enum { DATA_FIELDS_LEN = 9 };

void
frame_reader_init(struct frame_reader *r)
{
    *r = (struct frame_reader){0};
    buf_init(&r->whole, SFTP_PACKET_MAX);
}

void
frame_reader_clear(struct frame_reader *r)
{
    buf_clear(&r->whole);
}

bool
frame_reader_is_idle(const struct frame_reader *r)
{
    return r->head_len == 0 && r->data_left == 0 && r->skip_left == 0 && r->want == 0;
}

static struct bytes
take(struct bytes *in, size_t n)
{
    struct bytes taken = bytes_first(*in, n);
    *in = bytes_skip(*in, taken.n);
    return taken;
}

static uint32_t
read_u32(const uint8_t *p)
{
    struct cursor c = cursor_of(bytes_of(p, 4));
    return cursor_u32(&c);
}

/* Hold the first n octets of a frame. False: there are not so many yet. */
static bool
fill_head(struct frame_reader *r, struct bytes *in, size_t n)
{
    if (r->head_len >= n)
        return true;
    struct bytes part = take(in, n - r->head_len);
    if (part.n != 0)
        memcpy(r->head + r->head_len, part.p, part.n);
    r->head_len += part.n;
    return r->head_len == n;
}

static struct frame
bad_length(const struct frame_reader *r, uint32_t length)
{
    return (struct frame){.kind = FRAME_BAD_LENGTH,
                          .message = bytes_of(r->head, r->head_len),
                          .len = length};
}

/* length: at least DATA_FIELDS_LEN. */
static struct frame
begin_data(struct frame_reader *r, uint32_t length)
{
    uint32_t id = read_u32(r->head + FRAME_HEAD_LEN);
    uint32_t len = read_u32(r->head + FRAME_HEAD_LEN + 4);
    if (len > length - DATA_FIELDS_LEN)
        return bad_length(r, length);
    r->head_len = 0;
    r->data_left = len;
    r->skip_left = length - DATA_FIELDS_LEN - len;
    return (struct frame){.kind = FRAME_DATA_BEGIN, .id = id, .len = len};
}

/* The rest of a spread message, as far as it is there. */
static struct frame
gather(struct frame_reader *r, struct bytes *in)
{
    buf_put(&r->whole, take(in, r->want - r->whole.n));
    if (buf_err(&r->whole) != ERR_NONE)
        return (struct frame){.kind = FRAME_NOMEM};
    if (r->whole.n < r->want)
        return (struct frame){.kind = FRAME_NONE};
    r->want = 0;
    return (struct frame){.kind = FRAME_MESSAGE, .message = buf_bytes(&r->whole)};
}

static struct frame
begin_message(struct frame_reader *r, uint32_t length, struct bytes *in)
{
    r->head_len = 0;
    buf_reset(&r->whole);
    buf_put_u8(&r->whole, r->head[4]);
    r->want = length;
    return gather(r, in);
}

/* A message that begins and ends in this slice, which is nearly all of them. */
static bool
take_whole(struct bytes *in, struct frame *f)
{
    if (in->n < FRAME_HEAD_LEN)
        return false;
    uint32_t length = read_u32(in->p);
    if (length == 0 || length > SFTP_PACKET_MAX || length > in->n - 4 ||
        in->p[4] == SSH_FXP_DATA)
        return false;
    take(in, 4);
    *f = (struct frame){.kind = FRAME_MESSAGE, .message = take(in, length)};
    return true;
}

struct frame
frame_next(struct frame_reader *r, struct bytes *in)
{
    struct frame f;
    if (r->data_left == 0)
        r->skip_left -= (uint32_t)take(in, r->skip_left).n;
    if (in->n == 0)
        return (struct frame){.kind = FRAME_NONE};
    if (r->data_left != 0) {
        struct bytes slice = take(in, r->data_left);
        r->data_left -= (uint32_t)slice.n;
        return (struct frame){.kind = FRAME_DATA, .message = slice};
    }
    if (r->want != 0)
        return gather(r, in);
    if (r->head_len == 0 && take_whole(in, &f))
        return f;
    if (!fill_head(r, in, FRAME_HEAD_LEN))
        return (struct frame){.kind = FRAME_NONE};
    uint32_t length = read_u32(r->head);
    bool is_data = r->head[4] == SSH_FXP_DATA;
    if (length < (is_data ? DATA_FIELDS_LEN : 1) || length > SFTP_PACKET_MAX)
        return bad_length(r, length);
    if (!is_data)
        return begin_message(r, length, in);
    if (!fill_head(r, in, FRAME_DATA_HEAD_LEN))
        return (struct frame){.kind = FRAME_NONE};
    return begin_data(r, length);
}
