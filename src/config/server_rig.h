/* For tests: configurations from texts, held in memory. */
#ifndef FERRY_CONFIG_SERVER_RIG_H
#define FERRY_CONFIG_SERVER_RIG_H

#include <fnmatch.h>

#include "base/base_test.h"
#include "config/server_config.h"

struct rig_file {
    const char *path, *text;
};

/* The words that the rig's reader knows; "good-*" in every vocabulary, rights too. */
static inline bool
rig_knows(void *ctx, enum server_vocabulary vocabulary, struct bytes word)
{
    static const char known[] = "list,download,upload,overwrite,delete,rename,mkdir,all,"
                                "read,dropbox,none,open,remove,write,stat";
    struct bytes rest = bytes_str(known), item;
    (void)ctx, (void)vocabulary;
    while (bytes_next_item(&rest, &item))
        if (bytes_eq(item, word))
            return true;
    return bytes_has_prefix(word, "good");
}

static inline enum err
rig_read(void *ctx, const char *path, struct buf *out, struct fault *why)
{
    for (const struct rig_file *f = ctx; f->path; f++)
        if (strcmp(f->path, path) == 0) {
            buf_put_str(out, f->text);
            return buf_err(out);
        }
    return fault_set(why, ERR_IO, 0, "%s: no such file", path);
}

static inline enum err
rig_glob(void *ctx, const char *pattern, struct buf *paths, struct fault *why)
{
    (void)why;
    for (const struct rig_file *f = ctx; f->path; f++)
        if (fnmatch(pattern, f->path, 0) == 0) {
            buf_put_str(paths, f->path);
            buf_put_u8(paths, 0);
        }
    return buf_err(paths);
}

static inline enum err
rig_parse(const struct rig_file *files, const char *const *overrides,
          struct server_config **config, struct fault *why)
{
    struct server_config_reader reader = {rig_read, rig_glob, rig_knows,
                                          (void *)(uintptr_t)files};
    *why = (struct fault){0};
    return server_config_parse(files[0].path, overrides, &reader, config, why);
}

/* What one text says outside every Match, as -T prints it; the caller frees it.
 * NULL: refused, *why says how. */
static inline char *
rig_print(const char *text, const struct server_context *context, struct fault *why)
{
    const struct rig_file files[] = {{"/etc/f.conf", text}, {NULL, NULL}};
    struct server_config *config;
    struct server_options o;
    struct buf out;
    if (rig_parse(files, NULL, &config, why) != ERR_NONE)
        return NULL;
    server_options_init(&o);
    buf_init(&out, CONFIG_FILE_MAX);
    assert_int_equal(server_config_effective(config, context, &o), ERR_NONE);
    server_options_print(&o, &out);
    char *printed = strdup(buf_cstr(&out));
    server_options_clear(&o);
    server_config_free(config);
    buf_clear(&out);
    return printed;
}

/* The first line of a -T listing that begins with the keyword; "" when none does. */
static inline const char *
rig_line(const char *printed, const char *keyword)
{
    static char line[4096];
    size_t n = strlen(keyword);
    for (const char *p = printed; *p; p += strcspn(p, "\n") + 1)
        if (strncmp(p, keyword, n) == 0 && p[n] == ' ') {
            snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
            return line;
        }
    return "";
}

#endif
