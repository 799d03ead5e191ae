/*
 * What a monitor or a process before login that an attacker owns could send to
 * the recorder (threats S2, G1): requests and log lines, up to where they are
 * written; and the audit lines made of them, which must read back.
 *
 * Input: an octet that chooses. 0: a log line's message as it is. 1: a request,
 * stretched with zeros to its size. 2: a line of an audit log, as `ferryd audit`
 * would find it. 3: the pieces of a record: user, path and text as they are.
 */
#include <stdlib.h>

#include "base/json.h"
#include "crypto/rand.h"
#include "daemon/audit_chain.h"
#include "daemon/audit_record.h"
#include "daemon/recorder_books.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct books books;

/* No files: what there is goes to standard error, of which the level lets nothing by. */
static void
open_books(void)
{
    static struct server_options options;
    static struct recorder_config config = {.options = &options,
                                            .level = LOG_LEVEL_ERROR};
    struct fault why = {0};
    if (crypto_init() != ERR_NONE || books_open(&books, &config, 0, &why) != ERR_NONE)
        abort();
    books.target.kind = LOG_TARGET_FILE; /* a closed one: lines are made and lost */
}

/* Whatever the record holds, its line is one line, an object, and sound. */
static void
check_line(const struct record *r)
{
    struct buf line;
    struct audit_tail tail = {0}, prev, found;
    buf_init(&line, AUDIT_LINE_MAX);
    json_begin(&line, record_word(r->kind));
    record_put(&line, r, (struct timespec){0});
    if (audit_seal(&line, &tail) != ERR_NONE ||
        memchr(line.p, '\n', line.n) != line.p + line.n - 1 ||
        audit_open_line(bytes_first(buf_bytes(&line), line.n - 1), &prev, &found) !=
            ERR_NONE ||
        found.seq != 1)
        abort();
    buf_clear(&line);
}

static void
try_request(struct bytes in)
{
    static struct recorder_request request;
    struct recorder_receipt receipt;
    memset(&request, 0, sizeof request);
    in = bytes_first(in, sizeof request);
    if (in.n != 0)
        memcpy(&request, in.p, in.n);
    if (!books_take_request(&books, &request, sizeof request, &receipt, 0))
        abort(); /* its size was right */
    bool is_valid = recorder_request_is_valid(&request, sizeof request);
    if (is_valid != (receipt.result == RECORDER_STORED))
        abort();
    if (is_valid)
        check_line(&request.record);
}

static void
try_pieces(struct bytes in)
{
    static struct record r;
    if (in.n == 0)
        return;
    memset(&r, 0, sizeof r);
    r.kind = RECORD_LOGIN + in.p[0] % RECORD_REFUSED;
    r.has_sha256 = in.p[0] >> 7;
    in = bytes_skip(in, 1);
    struct bytes user = bytes_first(in, sizeof r.user - 1);
    struct bytes text = bytes_first(in, sizeof r.text - 1);
    struct bytes path = bytes_first(in, sizeof r.path);
    if (in.n != 0) {
        memcpy(r.user, user.p, user.n);
        memcpy(r.text, text.p, text.n);
        memcpy(r.path, path.p, path.n);
        memcpy(r.other, path.p, path.n);
    }
    r.path_len = r.other_len = (uint32_t)path.n;
    check_line(&r);
}

static void
try_line(struct bytes in)
{
    struct audit_tail prev, tail;
    struct buf text;
    buf_init(&text, AUDIT_LINE_MAX);
    (void)!audit_open_line(in, &prev, &tail);
    if (json_get_text(in, "path", &text) && !json_is_flat_object(in))
        abort();
    buf_clear(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!books.config)
        open_books();
    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        books_take_line(&books, (enum recorder_log)(data[0] / 4 % RECORDER_LOGS), in, 1,
                        0);
        break;
    case 1:
        try_request(in);
        break;
    case 2:
        try_line(in);
        break;
    default:
        try_pieces(in);
    }
    return 0;
}
