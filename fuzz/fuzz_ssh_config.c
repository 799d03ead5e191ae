/*
 * ssh_config: the words of a line, then the whole grammar with Host, Match and
 * a file that includes itself, then the tokens of what came out.
 */
#include <stdlib.h>

#include "config/expand.h"
#include "config/ssh_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INCLUDES_MAX = 8, EXPANDED_MAX = 4096 };

struct source {
    struct bytes text;
    unsigned n_includes;
};

static enum err
include_itself(void *ctx, struct ssh_config *c, const char *pattern, int depth,
               struct fault *fault)
{
    struct source *s = ctx;
    (void)pattern;
    if (depth > CONFIG_DEPTH_MAX + 1)
        abort();
    if (s->n_includes == INCLUDES_MAX)
        return ERR_NONE;
    s->n_includes++;
    return ssh_config_read(c, "included", s->text, depth, fault);
}

static bool
succeed(void *ctx, const char *command)
{
    (void)ctx;
    return command[0] != '\0';
}

static void
expand(const char *text)
{
    static const struct expand_tokens tokens = {.d = "/home/x",
                                                .h = "host",
                                                .i = "1",
                                                .n = "host",
                                                .p = "22",
                                                .r = "u",
                                                .u = "u"};
    struct buf out;
    buf_init(&out, EXPANDED_MAX);
    if (text && expand_percent(&out, text, &tokens) == ERR_NONE &&
        buf_err(&out) != ERR_NONE)
        abort();
    buf_clear(&out);
}

static void
read_config(struct bytes text, bool is_final)
{
    struct ssh_options options;
    struct source source = {.text = text};
    struct ssh_config_hooks hooks = {include_itself, succeed, &source};
    struct ssh_config config = {.options = &options,
                                .hooks = &hooks,
                                .original_host = "www.example.com",
                                .local_user = "tester",
                                .is_final_pass = is_final};
    struct fault fault = {.code = ERR_NONE};
    ssh_options_init(&options);
    ssh_config_begin_source(&config);
    enum err e = ssh_config_read(&config, "config", text, 0, &fault);
    if ((e == ERR_NONE) != (fault.text[0] == '\0'))
        abort();
    ssh_options_fill_defaults(&options);
    if (options.port < 1 || options.port > 65535)
        abort();
    expand(options.hostname);
    expand(options.proxy_command);
    for (size_t i = 0; i < options.identity_files.n; i++)
        expand(options.identity_files.item[i]);
    ssh_options_clear(&options);
}

static void
split_lines(struct bytes text)
{
    struct words words;
    struct bytes line;
    words_init(&words);
    while (config_next_line(&text, &line)) {
        const char *why = NULL;
        enum err e = words_split(&words, line, &why);
        if ((e == ERR_NONE) != (why == NULL) || words.n > CONFIG_WORDS_MAX)
            abort();
        for (size_t i = 0; e == ERR_NONE && i < words.n; i++)
            if (strlen(words_at(&words, i)) > line.n)
                abort();
    }
    words_clear(&words);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    split_lines(text);
    read_config(text, false);
    read_config(text, true);
    return 0;
}
