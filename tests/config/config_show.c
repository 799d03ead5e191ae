/*
 * Prints what a configuration of ferryd means for one connection, as -T does, so
 * that tests/config/run.py can compare it with sshd's.
 *
 *     config_show FILE [user=U] [addr=A] [laddr=A] [lport=N] [group=G]...
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config_files.h"

enum { GROUPS_MAX = 64, PRINTED_MAX = 1 << 22 };

struct about {
    struct server_context context;
    const char *groups[GROUPS_MAX];
};

/* False: no such word. */
static bool
take_word(struct about *a, const char *word)
{
    const char *value = strchr(word, '=');
    if (!value++)
        return false;
    struct bytes name = bytes_of(word, (size_t)(value - word));
    if (bytes_eq_str(name, "user="))
        a->context.user = value;
    else if (bytes_eq_str(name, "addr="))
        a->context.address = value;
    else if (bytes_eq_str(name, "laddr="))
        a->context.local_address = value;
    else if (bytes_eq_str(name, "lport="))
        a->context.local_port = (uint16_t)strtoul(value, NULL, 10);
    else if (bytes_eq_str(name, "group=") && a->context.n_groups < GROUPS_MAX)
        a->groups[a->context.n_groups++] = value;
    else
        return false;
    return true;
}

static bool
show(const struct server_config *config, const struct server_context *context)
{
    struct server_options o;
    struct buf out;
    server_options_init(&o);
    buf_init(&out, PRINTED_MAX);
    bool is_ok = server_config_effective(config, context, &o) == ERR_NONE;
    if (is_ok)
        server_options_print(&o, &out);
    is_ok = is_ok && buf_err(&out) == ERR_NONE &&
            fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    server_options_clear(&o);
    buf_clear(&out);
    return is_ok;
}

int
main(int argc, char **argv)
{
    struct about about = {0};
    struct server_config *config;
    struct fault why = {0};
    about.context.groups = about.groups;
    if (argc < 2)
        return 2;
    for (int i = 2; i < argc; i++)
        if (!take_word(&about, argv[i]))
            return 2;
    if (config_files_parse(argv[1], NULL, &config, &why) != ERR_NONE) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    bool is_ok = show(config, argc > 2 ? &about.context : NULL);
    server_config_free(config);
    return is_ok ? 0 : 1;
}
