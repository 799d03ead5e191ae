/* ferryd: the commands of the server program. doc/ferryd.1 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/rand.h"
#include "daemon/serve.h"

enum { EXIT_USAGE = 2 };

struct command {
    const char *name;
    int (*run)(int argc, char **argv, const struct environment *env);
};

static int
print_version(void)
{
    if (crypto_init() != ERR_NONE)
        return EXIT_FAILURE;
    printf("ferryd 0.1.0, %s\n", crypto_version());
    return EXIT_SUCCESS;
}

static void
print_usage(FILE *out)
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
run_serve(int argc, char **argv, const struct environment *env)
{
    struct serve_options options;
    struct fault why = {0};
    if (serve_options_parse(argc, argv, &options, &why) != ERR_NONE) {
        fprintf(stderr, "ferryd: %s\nTry \"ferryd serve --help\".\n", why.text);
        return EXIT_USAGE;
    }
    if (options.version)
        return print_version();
    if (options.help) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    return serve_run(&options, env);
}

static int
run_help(int argc, char **argv, const struct environment *env)
{
    (void)argc, (void)argv, (void)env;
    print_usage(stdout);
    return EXIT_SUCCESS;
}

static int
run_version(int argc, char **argv, const struct environment *env)
{
    (void)argc, (void)argv, (void)env;
    return print_version();
}

static const struct command commands[] = {
    {"serve", run_serve}, {"help", run_help},         {"--help", run_help},
    {"-h", run_help},     {"--version", run_version}, {"-V", run_version},
};

/* Copied, because the environment is cleared: it is not ours to trust. */
static char *
take(const char *name)
{
    const char *value = getenv(name);
    return value ? strdup(value) : NULL;
}

static void
release_environment(struct environment *env)
{
    free(env->home);
    free(env->xdg_state_home);
    free(env->trace);
}

static struct environment
take_environment(void)
{
    const struct environment env = {
        .home = take("HOME"),
        .xdg_state_home = take("XDG_STATE_HOME"),
        .trace = take("FERRY_TRACE"),
    };
    char *zone = take("TZ");
    clearenv();
    if (zone)
        setenv("TZ", zone, 1);
    free(zone);
    return env;
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

static int
run_command(int argc, char **argv, const struct environment *env)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2, env);
    if (argc > 1)
        fprintf(stderr, "ferryd: unknown command \"%s\"\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    open_standard_files();
    struct environment env = take_environment();
    int status = run_command(argc, argv, &env);
    release_environment(&env);
    return status;
}
