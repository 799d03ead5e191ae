/*
 * The identification line, in both roles. First octet: bit 0 for a client,
 * the rest how many octets arrive at a time. However it is cut, the result is
 * the same.
 */
#include <stdlib.h>

#include "ssh/ident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    struct ident ident;
    enum err err;
    bool is_done;
    size_t used;
};

static void
read_ident(struct bytes in, size_t piece, bool is_client, struct result *r)
{
    size_t end = 0;
    *r = (struct result){.err = ERR_NONE};
    while (r->err == ERR_NONE && !r->is_done && end < in.n) {
        struct fault why = {.code = ERR_NONE};
        size_t used = 0;
        end = in.n - end < piece ? in.n : end + piece;
        r->err = ident_parse(&r->ident, bytes_of(in.p + r->used, end - r->used),
                             is_client, &used, &r->is_done, &why);
        r->used += used;
        if (r->used > end || (r->err == ERR_NONE) != (why.text[0] == '\0') ||
            (r->is_done && r->err != ERR_NONE))
            abort();
    }
}

static void
check(const struct ident *id)
{
    if (memchr(id->line, 0, sizeof id->line) == NULL ||
        memchr(id->software, 0, sizeof id->software) == NULL ||
        strncmp(id->line, "SSH-", 4) != 0)
        abort();
    for (const char *p = id->line; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, cut;
    if (size == 0)
        return 0;
    bool is_client = data[0] & 1;
    size_t piece = 1 + (data[0] >> 1);
    struct bytes in = bytes_of(data + 1, size - 1);
    read_ident(in, SIZE_MAX, is_client, &whole);
    read_ident(in, piece, is_client, &cut);
    if (whole.is_done != cut.is_done || strcmp(whole.ident.line, cut.ident.line) != 0)
        abort();
    if (whole.is_done)
        check(&whole.ident);
    return 0;
}
