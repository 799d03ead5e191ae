/*
 * ferryd's configuration: the grammar with Match and a file that includes itself,
 * then what holds for somebody and for nobody, then -T. What is printed must read
 * as the same.
 */
#include <stdlib.h>

#include "config/server_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INCLUDES_MAX = 8, PRINTED_MAX = 1 << 22 };

struct source {
    struct bytes text;
    unsigned n_includes;
};

static enum err
read_source(void *ctx, const char *path, struct buf *out, struct fault *why)
{
    const struct source *s = ctx;
    (void)path, (void)why;
    buf_put(out, s->text);
    return buf_err(out);
}

static enum err
include_itself(void *ctx, const char *pattern, struct buf *paths, struct fault *why)
{
    struct source *s = ctx;
    (void)why;
    if (pattern[0] != '/')
        abort();
    if (s->n_includes++ < INCLUDES_MAX)
        buf_put(paths, bytes_of("/etc/f.conf", sizeof "/etc/f.conf"));
    return buf_err(paths);
}

static bool
knows_short_words(void *ctx, enum server_vocabulary vocabulary, struct bytes word)
{
    (void)ctx, (void)vocabulary;
    return word.n < 30;
}

/* False: refused. */
static bool
parse(struct bytes text, struct server_config **config)
{
    struct source source = {.text = text};
    struct server_config_reader reader = {read_source, include_itself, knows_short_words,
                                          &source};
    struct fault why = {.code = ERR_NONE};
    enum err e = server_config_parse("/etc/f.conf", NULL, &reader, config, &why);
    if ((e == ERR_NONE) != (why.text[0] == '\0') || (e == ERR_NONE) != (*config != NULL))
        abort();
    return e == ERR_NONE;
}

/* Append what -T says. */
static void
show(const struct server_config *config, const struct server_context *context,
     struct buf *out)
{
    struct server_options o;
    server_options_init(&o);
    if (server_config_effective(config, context, &o) != ERR_NONE)
        abort();
    if (o.ports.n == 0 || !o.profile || o.max_startups_full < o.max_startups_begin)
        abort();
    server_options_print(&o, out);
    server_options_clear(&o);
}

static void
check_round_trip(const struct server_config *config, const struct server_context *context)
{
    struct buf once, twice;
    struct server_config *again;
    buf_init(&once, PRINTED_MAX);
    buf_init(&twice, PRINTED_MAX);
    show(config, context, &once);
    /* A listing may be longer than a file or a line may be. */
    if (buf_err(&once) == ERR_NONE && once.n <= CONFIG_LINE_MAX) {
        if (!parse(buf_bytes(&once), &again))
            abort();
        show(again, NULL, &twice);
        if (!bytes_eq(buf_bytes(&once), buf_bytes(&twice)))
            abort();
        server_config_free(again);
    }
    buf_clear(&once);
    buf_clear(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const groups[] = {"sftp", "users"};
    const struct server_context bob = {.user = "bob",
                                       .groups = groups,
                                       .n_groups = ARRAY_LEN(groups),
                                       .address = "192.0.2.17",
                                       .local_address = "2001:db8::1",
                                       .local_port = 22};
    const struct server_context nobody = {.is_user_unknown = true};
    struct server_config *config;
    if (!parse(bytes_of(data, size), &config))
        return 0;
    check_round_trip(config, NULL);
    check_round_trip(config, &bob);
    check_round_trip(config, &nobody);
    server_config_free(config);
    return 0;
}
