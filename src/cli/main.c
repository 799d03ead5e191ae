/* ferry: reads the command line, runs one command. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "crypto/rand.h"

static const char version[] = "0.1";

static int
print(const struct buf *text)
{
    bool is_ok = fwrite(text->p, 1, text->n, stdout) == text->n && fflush(stdout) == 0;
    return is_ok ? EXIT_OK : EXIT_LOCAL;
}

static int
print_help(const struct invocation *inv)
{
    struct buf text;
    buf_init(&text, 65536);
    if (inv->command)
        command_put_help(&text, inv->command);
    else
        command_put_overview(&text);
    int status = print(&text);
    buf_clear(&text);
    return status;
}

static int
print_version(void)
{
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, "ferry %s, %s\n", version, crypto_version());
    int status = print(&text);
    buf_clear(&text);
    return status;
}

static int
usage(struct buf *why)
{
    const char *text = buf_cstr(why);
    fprintf(stderr, "ferry: %s\n", text ? text : "out of memory");
    fprintf(stderr, "ferry: `ferry help` tells more\n");
    return EXIT_USAGE;
}

static int
run(const struct invocation *inv)
{
    if (inv->wants_version)
        return print_version();
    if (inv->wants_help)
        return print_help(inv);
    return (int)inv->command->run(inv);
}

/* Called as sftp, ferry is sftp(1): without commands of its own in argv, and with
 * uploads under their final names. */
static void
mind_name(struct invocation *inv, const char *name)
{
    const char *slash = strrchr(name, '/');
    inv->is_sftp = strcmp(slash ? slash + 1 : name, "sftp") == 0;
    if (!inv->is_sftp)
        return;
    inv->command = &shell_command;
    inv->inplace = true;
}

int
main(int argc, char **argv)
{
    struct invocation inv = {0};
    struct buf why;
    buf_init(&why, 4096);
    if (crypto_init() != ERR_NONE || interrupt_install() != ERR_NONE) {
        fprintf(stderr, "ferry: the system lacks what ferry needs to start\n");
        return EXIT_LOCAL;
    }
    if (argc > 0)
        mind_name(&inv, argv[0]);
    enum err e = invocation_parse(argc, argv, &inv, &why);
    int status = e == ERR_NONE ? run(&inv) : usage(&why);
    invocation_clear(&inv);
    buf_clear(&why);
    return status;
}
