/* ferryd: the commands of the server program. doc/ferryd.1, doc/ferryd-admin.8 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "crypto/rand.h"
#include "daemon/run.h"
#include "daemon/run_settings.h"
#include "daemon/serve.h"
#include "daemon/spawner.h"

enum { EXIT_USAGE = 2 };

static int serve(int argc, char **argv, const struct environment *env);
static int help(int argc, char **argv, const struct environment *env);
static int version(int argc, char **argv, const struct environment *env);

/* What is a daemon, or asks nobody. argv: behind the command's name. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv, const struct environment *env);
} commands[] = {
    {"serve", serve}, {"run", run_command},   {"help", help},  {"--help", help},
    {"-h", help},     {"--version", version}, {"-V", version},
};

/* What another program of ours does, with libraries that a daemon doesn't load. */
static const struct {
    const char *name, *help;
} elsewhere[] = {
    {"user", "add, list and change virtual accounts; see ferryd-user(8)"},
    {"explain", "may USER do OPERATION on PATH, and by which rule?"},
};

static int
version(int argc, char **argv, const struct environment *env)
{
    (void)argc, (void)argv, (void)env;
    if (crypto_init() != ERR_NONE)
        return EXIT_FAILURE;
    printf("ferryd 0.1.0, %s\n", crypto_version());
    return EXIT_SUCCESS;
}

static void
print_usage(FILE *out)
{
    fputs("usage: ferryd COMMAND [options]\n"
          "\n"
          "  serve     share a folder with one user now; see ferryd serve --help\n"
          "  run       be the daemon of /etc/ferry/ferryd.conf; see ferryd run --help\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        fprintf(out, "  %-9s %s\n", elsewhere[i].name, elsewhere[i].help);
    for (const struct admin_command *c = admin_commands; c->name; c++)
        fprintf(out, "  %-9s %s\n", c->name, c->help);
    fputs("  --version\n", out);
}

static void
print_serve_usage(FILE *out)
{
    fputs("usage: ferryd serve [options] [DIR]\n"
          "\n"
          "Share DIR (the current directory when left out) over SFTP with one user,\n"
          "who sees it as / and nothing else. Without --password-file and\n"
          "--authorized-keys a password is made up and shown once.\n"
          "\n"
          "Options:\n",
          out);
    serve_options_help(out);
}

static int
serve(int argc, char **argv, const struct environment *env)
{
    struct serve_options options;
    struct fault why = {0};
    if (serve_options_parse(argc, argv, &options, &why) != ERR_NONE) {
        fprintf(stderr, "ferryd: %s\nTry \"ferryd serve --help\".\n", why.text);
        return EXIT_USAGE;
    }
    if (options.version)
        return version(0, NULL, env);
    if (options.help) {
        print_serve_usage(stdout);
        return EXIT_SUCCESS;
    }
    return serve_run(&options, env);
}

static int
help(int argc, char **argv, const struct environment *env)
{
    (void)argc, (void)argv, (void)env;
    print_usage(stdout);
    return EXIT_SUCCESS;
}

/* ---- the environment ---- */

/* Copied, because the environment is cleared: it is not ours to trust. */
static char *
take(const char *name)
{
    const char *value = getenv(name);
    return value ? strdup(value) : NULL;
}

static struct environment
take_environment(char **argv)
{
    const struct environment env = {
        .home = take("HOME"),
        .xdg_state_home = take("XDG_STATE_HOME"),
        .xdg_runtime_dir = take("XDG_RUNTIME_DIR"),
        .trace = take("FERRY_TRACE"),
        .notify_socket = take("NOTIFY_SOCKET"),
        .watchdog_usec = take("WATCHDOG_USEC"),
        .watchdog_pid = take("WATCHDOG_PID"),
        .listen_pid = take("LISTEN_PID"),
        .listen_fds = take("LISTEN_FDS"),
        .listen_fdnames = take("LISTEN_FDNAMES"),
        .ready_fd = take("FERRYD_READY_FD"),
        .keep_instance = take("FERRYD_KEEP"),
        .argv = argv,
    };
    char *zone = take("TZ");
    clearenv();
    if (zone)
        setenv("TZ", zone, 1);
    free(zone);
    return env;
}

static void
release_environment(struct environment *env)
{
    char *texts[] = {env->home,           env->xdg_state_home, env->xdg_runtime_dir,
                     env->trace,          env->notify_socket,  env->watchdog_usec,
                     env->watchdog_pid,   env->listen_pid,     env->listen_fds,
                     env->listen_fdnames, env->ready_fd,       env->keep_instance};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
}

/* What is left open in place of 0, 1 or 2 would be handed to a peer. */
static void
open_standard_files(void)
{
    FILE *null;
    while ((null = fopen("/dev/null", "r+")) != NULL)
        if (fileno(null) > 2) {
            fclose(null);
            return;
        }
}

/* ---- finding the command ---- */

/* Comes back only when the program is not there. */
static int
become_accounts(char **argv)
{
    char path[PATH_MAX];
    struct fault why = {0};
    if (program_find("ferryd-accounts", path, &why) == ERR_NONE) {
        argv[0] = path;
        execv(path, argv);
        perror(path);
    } else {
        fprintf(stderr, "ferryd: %s\n", why.text);
    }
    return EXIT_FAILURE;
}

static int
find_and_run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        if (strcmp(name, elsewhere[i].name) == 0)
            return become_accounts(argv);
    if (admin_has(name))
        return admin_command(name, argc - 2, argv + 2, NULL);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i].name) != 0)
            continue;
        struct environment env = take_environment(argv);
        int status = commands[i].run(argc - 2, argv + 2, &env);
        release_environment(&env);
        return status;
    }
    if (argc > 1)
        fprintf(stderr, "ferryd: unknown command \"%s\"\n", name);
    print_usage(stderr);
    return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    open_standard_files();
    if (argc == 2 && strcmp(argv[1], SPAWNER_ARGUMENT) == 0)
        return spawner_main(); /* its environment was cleared by its parent */
    return find_and_run(argc, argv);
}
