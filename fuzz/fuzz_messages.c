/*
 * Every message row, both protocols: whatever decodes must encode, decode again to the
 * same encoding, and print; whatever does not must fail quietly.
 * Input: one octet that picks the table, one that picks the row, then the fields.
 */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORE = 512, ENCODED_MAX = 1 << 20 };

static const struct msg_desc *
pick_row(uint8_t table, uint8_t row)
{
    return table & 1 ? &sftp_msgs[row % SFTP_MSG_COUNT] : &ssh_msgs[row % SSH_MSG_COUNT];
}

/* Decode the fields, encode the message behind its number; false: did not decode. */
static bool
recode(const struct msg_desc *row, struct bytes text, struct buf *out)
{
    alignas(max_align_t) uint8_t store[STORE];
    struct cursor c = cursor_of(text);
    if (row->size > sizeof store)
        abort();
    if (!msg_get(row, &c, store))
        return false;
    msg_put(row, out, store);
    return true;
}

static void
check_round_trip(const struct msg_desc *row, struct bytes text)
{
    struct buf once, twice;
    buf_init(&once, ENCODED_MAX);
    buf_init(&twice, ENCODED_MAX);
    if (recode(row, text, &once)) {
        size_t number = row->number != 0;
        if (!recode(row, bytes_skip(buf_bytes(&once), number), &twice) ||
            !bytes_eq(buf_bytes(&once), buf_bytes(&twice)))
            abort();
    }
    buf_clear(&once);
    buf_clear(&twice);
}

static void
check_print(const struct msg_desc *row, struct bytes payload)
{
    struct buf line;
    buf_init(&line, ENCODED_MAX);
    msg_print_wire(row, &line, payload);
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] < 0x20 || line.p[i] == 0x7f)
            abort(); /* a trace is one line of text, whatever the peer sent */
    buf_clear(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct msg_desc *row = pick_row(data[0], data[1]);
    check_print(row, bytes_of(data + 1, size - 1));
    check_round_trip(row, bytes_of(data + 2, size - 2));
    return 0;
}
