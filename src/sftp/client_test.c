/*
 * The client against scripted servers, honest and hostile (threats L5): each test
 * writes replies octet by octet and looks at the events and at what was sent.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "sftp/client.h"
#include "sftp/stream_mem.h"
#include "wire/put.h"

struct bench {
    struct mem_stream stream;
    struct sftp_client *client;
    struct buf in;   /* what the server will have said */
    size_t slice;    /* handed on in slices of so many octets; 0: whole */
    struct buf data; /* all DATA slices, one behind the other */
    unsigned n_events[SFTP_EV_FAILED + 1];
    struct sftp_event last; /* the last event but DATA; its views are gone */
    uint32_t last_handle_len;
    char last_text[100];
};

static void
bench_init(struct bench *b, unsigned requests_max)
{
    struct sftp_client_config config = {.requests_max = requests_max};
    *b = (struct bench){0};
    mem_stream_init(&b->stream, 1 << 20, 0);
    buf_init(&b->in, 1 << 20);
    buf_init(&b->data, 1 << 20);
    assert_int_equal(sftp_client_new(&b->stream.stream, &config, &b->client), ERR_NONE);
}

static void
bench_clear(struct bench *b)
{
    sftp_client_free(b->client);
    mem_stream_clear(&b->stream);
    buf_clear(&b->in);
    buf_clear(&b->data);
}

static void
note(struct bench *b, const struct sftp_event *ev)
{
    b->n_events[ev->type]++;
    if (ev->type == SFTP_EV_DATA) {
        buf_put(&b->data, ev->data);
        return;
    }
    b->last = *ev;
    b->last_handle_len = (uint32_t)ev->handle.n;
    size_t n =
        ev->text.n < sizeof b->last_text - 1 ? ev->text.n : sizeof b->last_text - 1;
    if (n != 0)
        memcpy(b->last_text, ev->text.p, n);
    b->last_text[n] = '\0';
}

/* Hand on what was scripted. */
static enum err
deliver(struct bench *b)
{
    struct sftp_event ev;
    enum err e = ERR_NONE;
    struct bytes in = buf_bytes(&b->in);
    while (in.n != 0 && e == ERR_NONE) {
        size_t used;
        struct bytes slice = bytes_first(in, b->slice ? b->slice : in.n);
        e = sftp_client_input(b->client, slice, &used);
        in = bytes_skip(in, used);
        while (sftp_client_next(b->client, &ev))
            note(b, &ev);
    }
    buf_reset(&b->in);
    return e;
}

/* Script one message of a row; bulk octets or a tail may follow in `behind`. */
static void
say(struct bench *b, enum sftp_msg row, const void *msg, struct bytes behind)
{
    size_t mark = put_string_begin(&b->in);
    msg_put(&sftp_msgs[row], &b->in, msg);
    buf_put(&b->in, behind);
    put_string_end(&b->in, mark);
}

static void
say_version(struct bench *b, const char *extension, const char *value)
{
    struct buf pairs;
    buf_init(&pairs, 1000);
    if (extension) {
        put_cstring(&pairs, extension);
        put_cstring(&pairs, value);
    }
    struct sftp_msg_version m = {.version = 3, .extensions = buf_bytes(&pairs)};
    say(b, SFTP_VERSION, &m, BYTES_LIT(""));
    buf_clear(&pairs);
}

static void
say_status(struct bench *b, uint32_t id, uint32_t code, const char *text)
{
    struct buf rest;
    buf_init(&rest, 1000);
    put_cstring(&rest, text);
    put_cstring(&rest, "en");
    struct sftp_msg_status m = {.id = id, .code = code, .text = buf_bytes(&rest)};
    say(b, SFTP_STATUS, &m, BYTES_LIT(""));
    buf_clear(&rest);
}

static void
say_data(struct bench *b, uint32_t id, struct bytes data)
{
    struct sftp_msg_data m = {.id = id, .data = (uint32_t)data.n};
    say(b, SFTP_DATA, &m, data);
}

static void
make_ready(struct bench *b)
{
    say_version(b, NULL, NULL);
    assert_int_equal(deliver(b), ERR_NONE);
    assert_int_equal(b->n_events[SFTP_EV_READY], 1);
    mem_stream_drain(&b->stream, mem_stream_pending(&b->stream).n);
}

static struct sftp_req
ask_read(struct bench *b, struct sftp_req *req, uint64_t offset, uint32_t len)
{
    *req = (struct sftp_req){0};
    assert_int_equal(sftp_client_read(b->client, req, BYTES_LIT("h"), offset, len),
                     ERR_NONE);
    return *req;
}

static void
expect_broken(struct bench *b, const char *part)
{
    assert_int_equal(deliver(b), ERR_PROTO);
    assert_int_equal(b->n_events[SFTP_EV_FAILED], 1);
    const char *text = sftp_client_fault(b->client)->text;
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* ---- the start ---- */

static void
init_is_version_3_without_extensions(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
    struct bytes sent = mem_stream_pending(&b.stream);
    assert_int_equal(sent.n, sizeof init);
    assert_memory_equal(sent.p, init, sizeof init);
    bench_clear(&b);
}

static void
version_tells_the_extensions(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    say_version(&b, "posix-rename@openssh.com", "1");
    assert_int_equal(deliver(&b), ERR_NONE);
    assert_true(sftp_client_has(b.client, SFTP_CAN_POSIX_RENAME));
    assert_false(sftp_client_has(b.client, SFTP_CAN_FSYNC));
    bench_clear(&b);
}

static void
an_extension_with_another_value_is_not_used(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    say_version(&b, "statvfs@openssh.com", "1");
    assert_int_equal(deliver(&b), ERR_NONE);
    assert_false(sftp_client_has(b.client, SFTP_CAN_STATVFS));
    bench_clear(&b);
}

static void
limits_are_asked_and_clamped(void **state)
{
    (void)state;
    static const struct {
        uint64_t packet, read, write;
        uint32_t want_read, want_write;
    } cases[] = {
        {262144, 261120, 261120, 261120, 261120},
        {0, 0, 0, SFTP_CHUNK_MAX, SFTP_CHUNK_MAX},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, SFTP_CHUNK_MAX, SFTP_CHUNK_MAX},
        {34000, 0, 32768, 32976, 32768},
        {262144, 1, 2, 1, 2},
        {5, 100, 100, 100, 100},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        bench_init(&b, 0);
        say_version(&b, "limits@openssh.com", "1");
        assert_int_equal(deliver(&b), ERR_NONE);
        struct buf body;
        buf_init(&body, 100);
        put_u64(&body, cases[i].packet);
        put_u64(&body, cases[i].read);
        put_u64(&body, cases[i].write);
        put_u64(&body, 64);
        struct sftp_msg_extended_reply m = {.id = 0, .data = buf_bytes(&body)};
        say(&b, SFTP_EXTENDED_REPLY, &m, BYTES_LIT(""));
        assert_int_equal(deliver(&b), ERR_NONE);
        assert_int_equal(b.n_events[SFTP_EV_LIMITS], 1);
        const struct sftp_limits *limits = sftp_client_limits(b.client);
        assert_int_equal(limits->read_len, cases[i].want_read);
        assert_int_equal(limits->write_len, cases[i].want_write);
        assert_int_equal(limits->n_handles, 64);
        buf_clear(&body);
        bench_clear(&b);
    }
}

static void
refused_limits_leave_what_everybody_takes(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    say_version(&b, "limits@openssh.com", "1");
    say_status(&b, 0, SSH_FX_OP_UNSUPPORTED, "no");
    assert_int_equal(deliver(&b), ERR_NONE);
    assert_int_equal(sftp_client_limits(b.client)->read_len, SFTP_CHUNK_SAFE);
    assert_false(sftp_client_limits(b.client)->is_announced);
    bench_clear(&b);
}

static void
words_of_a_login_script_are_shown_escaped(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    buf_put_str(&b.in, "Welcome\x1b[31m to host\n");
    expect_broken(&b, "Welcome\\x1b[31m to host\\n");
    bench_clear(&b);
}

static void
a_first_message_that_is_not_version_ends_it(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    say_status(&b, 0, SSH_FX_OK, "hello");
    expect_broken(&b, "did not begin with its version");
    bench_clear(&b);
}

static void
versions_2_and_7_are_refused(void **state)
{
    (void)state;
    static const uint32_t versions[] = {0, 2, 7, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct bench b;
        bench_init(&b, 0);
        struct sftp_msg_version m = {.version = versions[i]};
        say(&b, SFTP_VERSION, &m, BYTES_LIT(""));
        expect_broken(&b, "version");
        bench_clear(&b);
    }
}

static void
the_end_before_version_says_so(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_event ev;
    bench_init(&b, 0);
    sftp_client_end(b.client);
    assert_true(sftp_client_next(b.client, &ev));
    assert_int_equal(ev.type, SFTP_EV_FAILED);
    assert_false(sftp_client_next(b.client, &ev));
    assert_int_equal(sftp_client_fault(b.client)->code, ERR_CLOSED);
    bench_clear(&b);
}

/* ---- replies ---- */

static void
replies_in_any_order_find_their_requests(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req reqs[3] = {0};
    bench_init(&b, 0);
    make_ready(&b);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sftp_client_rmdir(b.client, &reqs[i], BYTES_LIT("d")), ERR_NONE);
    static const size_t order[] = {2, 0, 1};
    for (size_t i = 0; i < 3; i++) {
        say_status(&b, reqs[order[i]].id, SSH_FX_OK, "");
        assert_int_equal(deliver(&b), ERR_NONE);
        assert_ptr_equal(b.last.req, &reqs[order[i]]);
    }
    assert_int_equal(sftp_client_in_flight(b.client), 0);
    bench_clear(&b);
}

static void
a_status_without_text_is_taken(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_rmdir(b.client, &req, BYTES_LIT("d")), ERR_NONE);
    struct sftp_msg_status m = {.id = req.id, .code = SSH_FX_FAILURE};
    say(&b, SFTP_STATUS, &m, BYTES_LIT(""));
    assert_int_equal(deliver(&b), ERR_NONE);
    assert_int_equal(b.last.status, SSH_FX_FAILURE);
    assert_string_equal(b.last_text, "");
    bench_clear(&b);
}

static void
data_comes_whole_however_it_is_sliced(void **state)
{
    (void)state;
    uint8_t octets[3000];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 7);
    for (size_t slice = 1; slice < 40; slice += 3) {
        struct bench b;
        struct sftp_req one, two;
        bench_init(&b, 0);
        make_ready(&b);
        b.slice = slice;
        ask_read(&b, &one, 0, 2000);
        ask_read(&b, &two, 2000, 1000);
        say_data(&b, one.id, bytes_of(octets, 2000));
        say_data(&b, two.id, bytes_of(octets + 2000, 1000));
        assert_int_equal(deliver(&b), ERR_NONE);
        assert_int_equal(b.data.n, sizeof octets);
        assert_memory_equal(b.data.p, octets, sizeof octets);
        assert_int_equal(sftp_client_in_flight(b.client), 0);
        bench_clear(&b);
    }
}

static void
data_is_shown_where_it_lies(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req;
    struct sftp_event ev;
    size_t used;
    bench_init(&b, 0);
    make_ready(&b);
    ask_read(&b, &req, 10, 100);
    say_data(&b, req.id, BYTES_LIT("abcd"));
    struct bytes in = buf_bytes(&b.in);
    assert_int_equal(sftp_client_input(b.client, in, &used), ERR_NONE);
    assert_true(sftp_client_next(b.client, &ev));
    assert_int_equal(ev.type, SFTP_EV_DATA);
    assert_ptr_equal(ev.data.p, in.p + 13);
    assert_int_equal(ev.offset, 10);
    assert_true(ev.is_last);
    assert_int_equal(req.got, 4);
    bench_clear(&b);
}

static void
a_message_spread_over_octets_is_put_together(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    bench_init(&b, 0);
    make_ready(&b);
    b.slice = 1;
    assert_int_equal(sftp_client_opendir(b.client, &req, BYTES_LIT("d")), ERR_NONE);
    struct sftp_msg_handle m = {.id = req.id, .handle = BYTES_LIT("abcd")};
    say(&b, SFTP_HANDLE, &m, BYTES_LIT(""));
    assert_int_equal(deliver(&b), ERR_NONE);
    assert_int_equal(b.last.reply, SSH_FXP_HANDLE);
    assert_int_equal(b.last_handle_len, 4);
    bench_clear(&b);
}

/* ---- hostile replies ---- */

static void
an_unknown_id_ends_the_session(void **state)
{
    (void)state;
    static const uint32_t ids[] = {0, 1, 1024, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct bench b;
        bench_init(&b, 0);
        make_ready(&b);
        say_status(&b, ids[i], SSH_FX_OK, "");
        expect_broken(&b, "not in flight");
        bench_clear(&b);
    }
}

static void
a_second_reply_ends_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_rmdir(b.client, &req, BYTES_LIT("d")), ERR_NONE);
    say_status(&b, req.id, SSH_FX_OK, "");
    say_status(&b, req.id, SSH_FX_OK, "");
    expect_broken(&b, "not in flight");
    bench_clear(&b);
}

static void
empty_data_ends_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req;
    bench_init(&b, 0);
    make_ready(&b);
    ask_read(&b, &req, 0, 100);
    say_data(&b, req.id, BYTES_LIT(""));
    expect_broken(&b, "no octets");
    bench_clear(&b);
}

static void
more_data_than_asked_ends_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req;
    bench_init(&b, 0);
    make_ready(&b);
    ask_read(&b, &req, 0, 3);
    say_data(&b, req.id, BYTES_LIT("abcd"));
    expect_broken(&b, "more data than");
    assert_int_equal(b.data.n, 0);
    bench_clear(&b);
}

static void
data_for_what_is_no_read_ends_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_stat(b.client, &req, BYTES_LIT("f")), ERR_NONE);
    say_data(&b, req.id, BYTES_LIT("abcd"));
    expect_broken(&b, "asked for none");
    bench_clear(&b);
}

static void
data_longer_than_its_message_ends_the_session(void **state)
{
    (void)state;
    static const uint32_t lens[] = {5, 100, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct bench b;
        struct sftp_req req;
        bench_init(&b, 0);
        make_ready(&b);
        ask_read(&b, &req, 0, 1000);
        struct sftp_msg_data m = {.id = req.id, .data = lens[i]};
        say(&b, SFTP_DATA, &m, BYTES_LIT("abcd"));
        expect_broken(&b, "length");
        bench_clear(&b);
    }
}

static void
lengths_of_0_and_beyond_256_kib_end_the_session(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, SFTP_PACKET_MAX + 1, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct bench b;
        bench_init(&b, 0);
        make_ready(&b);
        put_u32(&b.in, lengths[i]);
        buf_put_u8(&b.in, SSH_FXP_STATUS);
        expect_broken(&b, "length");
        bench_clear(&b);
    }
}

static void
replies_of_another_kind_end_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_stat(b.client, &req, BYTES_LIT("f")), ERR_NONE);
    struct sftp_msg_handle m = {.id = req.id, .handle = BYTES_LIT("h")};
    say(&b, SFTP_HANDLE, &m, BYTES_LIT(""));
    expect_broken(&b, "does not suit");
    bench_clear(&b);
}

static void
ok_where_an_answer_was_due_ends_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_stat(b.client, &req, BYTES_LIT("f")), ERR_NONE);
    say_status(&b, req.id, SSH_FX_OK, "fine");
    expect_broken(&b, "does not suit");
    bench_clear(&b);
}

static void
handles_of_0_and_257_octets_end_the_session(void **state)
{
    (void)state;
    uint8_t octets[SFTP_HANDLE_MAX + 1] = {0};
    static const size_t lens[] = {0, SFTP_HANDLE_MAX + 1};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct bench b;
        struct sftp_req req = {0};
        bench_init(&b, 0);
        make_ready(&b);
        assert_int_equal(sftp_client_opendir(b.client, &req, BYTES_LIT("d")), ERR_NONE);
        struct sftp_msg_handle m = {.id = req.id, .handle = bytes_of(octets, lens[i])};
        say(&b, SFTP_HANDLE, &m, BYTES_LIT(""));
        expect_broken(&b, "malformed");
        bench_clear(&b);
    }
}

static void
say_handle(struct bench *b, uint32_t id)
{
    struct sftp_msg_handle m = {.id = id, .handle = BYTES_LIT("same")};
    say(b, SFTP_HANDLE, &m, BYTES_LIT(""));
}

static void
one_handle_for_two_open_files_ends_the_session(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req one = {0}, two = {0};
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_opendir(b.client, &one, BYTES_LIT("d")), ERR_NONE);
    assert_int_equal(sftp_client_opendir(b.client, &two, BYTES_LIT("e")), ERR_NONE);
    say_handle(&b, one.id);
    say_handle(&b, two.id);
    expect_broken(&b, "one handle for two open files");
    bench_clear(&b);
}

static void
a_handle_may_be_given_again_after_close(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0}, close = {0};
    bench_init(&b, 0);
    make_ready(&b);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sftp_client_opendir(b.client, &req, BYTES_LIT("d")), ERR_NONE);
        say_handle(&b, req.id);
        assert_int_equal(deliver(&b), ERR_NONE);
        assert_int_equal(sftp_client_close(b.client, &close, BYTES_LIT("same")),
                         ERR_NONE);
        say_status(&b, close.id, SSH_FX_OK, "");
        assert_int_equal(deliver(&b), ERR_NONE);
    }
    bench_clear(&b);
}

static void
a_count_of_names_that_lies_ends_the_session(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct bench b;
        struct sftp_req req = {0};
        bench_init(&b, 0);
        make_ready(&b);
        assert_int_equal(sftp_client_readdir(b.client, &req, BYTES_LIT("h")), ERR_NONE);
        struct sftp_msg_name m = {.id = req.id, .count = counts[i]};
        say(&b, SFTP_NAME, &m, BYTES_LIT("\0\0\0\1a"));
        expect_broken(&b, "malformed");
        bench_clear(&b);
    }
}

/* Every reply type, cut at every octet: an error or, where fields are optional, an
 * event; never more than that. */
static void
replies_cut_anywhere_do_no_harm(void **state)
{
    (void)state;
    static const uint8_t types[] = {SSH_FXP_STATUS, SSH_FXP_HANDLE,         SSH_FXP_NAME,
                                    SSH_FXP_ATTRS,  SSH_FXP_EXTENDED_REPLY, SSH_FXP_DATA};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        for (size_t n = 0; n < 32; n++) {
            struct bench b;
            struct sftp_req req = {0};
            uint8_t body[32];
            bench_init(&b, 0);
            make_ready(&b);
            assert_int_equal(sftp_client_readdir(b.client, &req, BYTES_LIT("h")),
                             ERR_NONE);
            memset(body, 0xff, sizeof body);
            store_u32(body, req.id);
            put_u32(&b.in, (uint32_t)n + 1);
            buf_put_u8(&b.in, types[i]);
            buf_put(&b.in, bytes_of(body, n));
            (void)!deliver(&b);
            bench_clear(&b);
        }
    }
}

/* ---- requests ---- */

static void
requests_in_flight_are_bounded(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req reqs[4] = {0};
    bench_init(&b, 3);
    make_ready(&b);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sftp_client_rmdir(b.client, &reqs[i], BYTES_LIT("d")), ERR_NONE);
    assert_int_equal(sftp_client_room(b.client), 0);
    assert_int_equal(sftp_client_rmdir(b.client, &reqs[3], BYTES_LIT("d")), ERR_LIMIT);
    say_status(&b, reqs[1].id, SSH_FX_OK, "");
    assert_int_equal(deliver(&b), ERR_NONE);
    assert_int_equal(sftp_client_rmdir(b.client, &reqs[3], BYTES_LIT("d")), ERR_NONE);
    bench_clear(&b);
}

static void
ids_in_flight_are_never_the_same(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req old = {0}, req = {0};
    bench_init(&b, 2);
    make_ready(&b);
    assert_int_equal(sftp_client_rmdir(b.client, &old, BYTES_LIT("d")), ERR_NONE);
    uint32_t before = old.id;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sftp_client_rmdir(b.client, &req, BYTES_LIT("d")), ERR_NONE);
        assert_int_not_equal(req.id, old.id);
        assert_int_not_equal(req.id, before);
        before = req.id;
        say_status(&b, req.id, SSH_FX_OK, "");
        assert_int_equal(deliver(&b), ERR_NONE);
    }
    bench_clear(&b);
}

static void
a_symlink_goes_out_in_either_order(void **state)
{
    (void)state;
    static const struct {
        enum sftp_symlink_order order;
        const char *first;
    } cases[] = {{SFTP_SYMLINK_TARGET_FIRST, "target"},
                 {SFTP_SYMLINK_LINK_FIRST, "link"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        struct sftp_req req = {0};
        struct sftp_msg_symlink m;
        struct sftp_client_config config = {.symlink_order = cases[i].order};
        bench_init(&b, 0);
        sftp_client_free(b.client);
        assert_int_equal(sftp_client_new(&b.stream.stream, &config, &b.client), ERR_NONE);
        make_ready(&b);
        assert_int_equal(
            sftp_client_symlink(b.client, &req, BYTES_LIT("target"), BYTES_LIT("link")),
            ERR_NONE);
        struct cursor at = cursor_of(bytes_skip(mem_stream_pending(&b.stream), 5));
        assert_true(msg_get(&sftp_msgs[SFTP_SYMLINK], &at, &m));
        assert_true(bytes_eq_str(m.first, cases[i].first));
        bench_clear(&b);
    }
}

static void
a_write_fills_the_holes_where_they_are_sent_from(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    struct iovec holes[STREAM_HOLES_MAX];
    int n_holes = STREAM_HOLES_MAX;
    struct sftp_msg_write m;
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(sftp_client_write_begin(b.client, &req, BYTES_LIT("hh"), 77, 100,
                                             holes, &n_holes),
                     ERR_NONE);
    memcpy(holes[0].iov_base, "hello", 5);
    assert_int_equal(sftp_client_write_commit(b.client, 5), ERR_NONE);
    struct bytes sent = mem_stream_pending(&b.stream);
    struct cursor at = cursor_of(sent);
    assert_int_equal(cursor_u32(&at), sent.n - 4);
    assert_int_equal(cursor_u8(&at), SSH_FXP_WRITE);
    assert_true(msg_get(&sftp_msgs[SFTP_WRITE], &at, &m));
    assert_int_equal(m.offset, 77);
    assert_int_equal(m.data, 5);
    assert_true(bytes_eq_str(cursor_rest(&at), "hello"));
    bench_clear(&b);
}

static void
an_abandoned_write_sends_nothing(void **state)
{
    (void)state;
    struct bench b;
    struct sftp_req req = {0};
    struct iovec holes[STREAM_HOLES_MAX];
    int n_holes = STREAM_HOLES_MAX;
    bench_init(&b, 0);
    make_ready(&b);
    assert_int_equal(
        sftp_client_write_begin(b.client, &req, BYTES_LIT("h"), 0, 100, holes, &n_holes),
        ERR_NONE);
    sftp_client_write_abandon(b.client);
    assert_int_equal(mem_stream_pending(&b.stream).n, 0);
    assert_int_equal(sftp_client_in_flight(b.client), 0);
    assert_int_equal(req.type, 0);
    bench_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_is_version_3_without_extensions),
        cmocka_unit_test(version_tells_the_extensions),
        cmocka_unit_test(an_extension_with_another_value_is_not_used),
        cmocka_unit_test(limits_are_asked_and_clamped),
        cmocka_unit_test(refused_limits_leave_what_everybody_takes),
        cmocka_unit_test(words_of_a_login_script_are_shown_escaped),
        cmocka_unit_test(a_first_message_that_is_not_version_ends_it),
        cmocka_unit_test(versions_2_and_7_are_refused),
        cmocka_unit_test(the_end_before_version_says_so),
        cmocka_unit_test(replies_in_any_order_find_their_requests),
        cmocka_unit_test(a_status_without_text_is_taken),
        cmocka_unit_test(data_comes_whole_however_it_is_sliced),
        cmocka_unit_test(data_is_shown_where_it_lies),
        cmocka_unit_test(a_message_spread_over_octets_is_put_together),
        cmocka_unit_test(an_unknown_id_ends_the_session),
        cmocka_unit_test(a_second_reply_ends_the_session),
        cmocka_unit_test(empty_data_ends_the_session),
        cmocka_unit_test(more_data_than_asked_ends_the_session),
        cmocka_unit_test(data_for_what_is_no_read_ends_the_session),
        cmocka_unit_test(data_longer_than_its_message_ends_the_session),
        cmocka_unit_test(lengths_of_0_and_beyond_256_kib_end_the_session),
        cmocka_unit_test(replies_of_another_kind_end_the_session),
        cmocka_unit_test(ok_where_an_answer_was_due_ends_the_session),
        cmocka_unit_test(handles_of_0_and_257_octets_end_the_session),
        cmocka_unit_test(one_handle_for_two_open_files_ends_the_session),
        cmocka_unit_test(a_handle_may_be_given_again_after_close),
        cmocka_unit_test(a_count_of_names_that_lies_ends_the_session),
        cmocka_unit_test(replies_cut_anywhere_do_no_harm),
        cmocka_unit_test(requests_in_flight_are_bounded),
        cmocka_unit_test(ids_in_flight_are_never_the_same),
        cmocka_unit_test(a_symlink_goes_out_in_either_order),
        cmocka_unit_test(a_write_fills_the_holes_where_they_are_sent_from),
        cmocka_unit_test(an_abandoned_write_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
