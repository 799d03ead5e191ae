/* lcd, lls, lmkdir, lpwd, lumask and "!": this side of the connection. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shell.h"

static enum exit_status
change_to(struct shell *sh, const char *path)
{
    if (chdir(path) == 0)
        return EXIT_OK;
    return shell_fail(sh, EXIT_LOCAL, "Couldn't change local directory to \"%s\": %s",
                      path, strerror(errno));
}

enum exit_status
shell_lcd(struct shell *sh, const struct shell_call *call)
{
    char *path = shell_local_path(call->n != 0 ? call->words[0] : "~");
    if (!path)
        return shell_no_memory(sh);
    enum exit_status status = change_to(sh, path);
    free(path);
    return status;
}

enum exit_status
shell_lpwd(struct shell *sh, const struct shell_call *call)
{
    struct buf text;
    char *path = getcwd(NULL, 0);
    (void)call;
    if (!path)
        return shell_fail(sh, EXIT_LOCAL, "Couldn't get local cwd: %s", strerror(errno));
    buf_init(&text, SHELL_TEXT_MAX);
    buf_put_str(&text, "Local working directory: ");
    text_escape(&text, bytes_str(path), 0);
    buf_put_u8(&text, '\n');
    shell_out(sh, &text);
    free(path);
    return EXIT_OK;
}

enum exit_status
shell_lmkdir(struct shell *sh, const struct shell_call *call)
{
    char *path = shell_local_path(call->words[0]);
    if (!path)
        return shell_no_memory(sh);
    enum exit_status status = EXIT_OK;
    if (mkdir(path, 0777) != 0)
        status = shell_fail(sh, EXIT_LOCAL, "Couldn't create local directory \"%s\": %s",
                            path, strerror(errno));
    free(path);
    return status;
}

enum exit_status
shell_lumask(struct shell *sh, const struct shell_call *call)
{
    char *end;
    const char *text = call->words[0];
    unsigned long mask = strtoul(text, &end, 8);
    if (*text < '0' || *text > '7' || *end != '\0' || mask > 0777)
        return shell_fail(sh, EXIT_USAGE,
                          "You must supply a numeric argument to the lumask command.");
    (void)umask((mode_t)mask);
    shell_say(sh, "Local umask: %03lo", mask);
    return EXIT_OK;
}

/* ---- programs ---- */

/* In the child. Ctrl-C is for the program, and a closed pipe ends it. */
static void
become(const char *line)
{
    const char *shell = getenv("SHELL");
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    if (!shell || !*shell)
        shell = "/bin/sh";
    if (line)
        execl(shell, shell, "-c", line, (char *)NULL);
    else
        execl(shell, shell, (char *)NULL);
    _exit(127);
}

/* line: for the user's shell; NULL: the shell itself. */
static enum exit_status
run_program(struct shell *sh, const char *line)
{
    int status = 0;
    if (!console_finish(&sh->session.console))
        return EXIT_LOCAL;
    pid_t child = fork();
    if (child == 0)
        become(line);
    if (child < 0)
        return shell_fail(sh, EXIT_LOCAL, "Couldn't fork: %s", strerror(errno));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return shell_fail(sh, EXIT_LOCAL, "Couldn't wait for child: %s",
                              strerror(errno));
    if (!WIFEXITED(status))
        return shell_fail(sh, EXIT_LOCAL, "Shell exited abnormally");
    if (WEXITSTATUS(status) != 0)
        return shell_fail(sh, EXIT_LOCAL, "Shell exited with status %d",
                          WEXITSTATUS(status));
    return EXIT_OK;
}

enum exit_status
shell_escape(struct shell *sh, const struct shell_call *call)
{
    return run_program(sh, call->rest[0] != '\0' ? call->rest : NULL);
}

enum exit_status
shell_lls(struct shell *sh, const struct shell_call *call)
{
    struct buf line;
    buf_init(&line, SHELL_TEXT_MAX);
    buf_printf(&line, "ls %s", call->rest);
    const char *text = buf_cstr(&line);
    enum exit_status status = text ? run_program(sh, text) : shell_no_memory(sh);
    buf_clear(&line);
    return status;
}
