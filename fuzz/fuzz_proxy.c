/*
 * A PROXY header, as it comes from a trusted proxy that is not quite that. It is asked
 * for as its caller does, so that no octet behind the header is taken; all at once
 * gives the same.
 */
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    struct net_addr peer, local;
    enum proxy_step step;
    size_t len;
};

static void
parse(struct bytes in, struct result *r)
{
    struct fault why = {0};
    r->step = proxy_parse(in, &r->len, &r->peer, &r->local, &why);
    if ((r->step == PROXY_REFUSED) != (why.text[0] != 0) || r->len > PROXY_HEADER_MAX ||
        (r->step == PROXY_MORE && r->len <= in.n) ||
        (r->step == PROXY_DONE && r->len > in.n))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole = {.len = 0}, cut = {.step = PROXY_MORE, .len = PROXY_FIXED};
    struct bytes in = bytes_first(bytes_of(data, size), PROXY_HEADER_MAX);
    parse(in, &whole);
    while (cut.step == PROXY_MORE && cut.len <= in.n)
        parse(bytes_first(in, cut.len), &cut);
    if (in.n >= PROXY_FIXED && cut.step != whole.step)
        abort();
    if (whole.step == PROXY_DONE) {
        char text[NET_ADDR_TEXT_MAX];
        net_addr_text(&whole.peer, text);
        net_addr_text(&whole.local, text);
        if (memcmp(&whole.peer.ss, &cut.peer.ss, sizeof whole.peer.ss) != 0)
            abort();
    }
    return 0;
}
