/* See config_files.h. */
#include "daemon/config_files.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/algos.h"
#include "daemon/files.h"
#include "sftp/server.h"
#include "vfs/policy.h"

static enum err
read_file(void *ctx, const char *path, struct buf *out, struct fault *why)
{
    (void)ctx;
    return file_read(path, FILE_TRUSTED, out, why);
}

/* A directory that is not there holds no files; one that we may not read could hold
 * the line that forbids something. */
static int
is_serious(const char *path, int sys_errno)
{
    (void)path;
    return sys_errno != ENOENT && sys_errno != ENOTDIR;
}

static enum err
find_files(void *ctx, const char *pattern, struct buf *paths, struct fault *why)
{
    glob_t found;
    (void)ctx;
    int result = glob(pattern, 0, is_serious, &found);
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
        buf_put_str(paths, found.gl_pathv[i]);
        buf_put_u8(paths, 0);
    }
    globfree(&found);
    if (result == GLOB_ABORTED)
        return fault_set(why, ERR_IO, 0, "Include %.160s: a directory cannot be read",
                         pattern);
    if (result == GLOB_NOSPACE || buf_err(paths) != ERR_NONE)
        return fault_set(why, ERR_LIMIT, 0, "Include %.160s: too many files", pattern);
    return ERR_NONE;
}

static bool
knows_word(void *ctx, enum server_vocabulary vocabulary, struct bytes word)
{
    struct sftp_request_set requests;
    struct bytes unknown;
    unsigned rights = 0;
    (void)ctx;
    switch (vocabulary) {
    case SERVER_WORD_KEX:
        return algo_is_known(ALGO_KEX, word);
    case SERVER_WORD_HOST_KEY:
        return algo_is_known(ALGO_HOST_KEY, word);
    case SERVER_WORD_CIPHER:
        return algo_is_known(ALGO_CIPHER, word);
    case SERVER_WORD_MAC:
        return algo_is_known(ALGO_MAC, word);
    case SERVER_WORD_USER_KEY:
        return algo_is_known(ALGO_USER_KEY, word);
    case SERVER_WORD_CA_SIGNATURE:
        return algo_is_known(ALGO_CA_SIGNATURE, word);
    case SERVER_WORD_RIGHT:
        return policy_rights_of(word, &rights, &unknown);
    case SERVER_WORD_REQUEST:
        return sftp_requests_of(word, &requests, &unknown);
    }
    return false;
}

enum err
config_files_parse(const char *path, const char *const *overrides,
                   struct server_config **config, struct fault *why)
{
    static const struct server_config_reader reader = {
        .read = read_file, .glob = find_files, .knows = knows_word};
    return server_config_parse(path, overrides, &reader, config, why);
}

enum { OVERRIDES_MAX = 128, STATE_LINE_MAX = PATH_MAX + 32 };

static bool
is_absolute(const char *path)
{
    return path && path[0] == '/';
}

/* Directives that hold when the file says nothing; they come last, so that whatever
 * was said wins. */
static size_t
add_own_places(const struct config_homes *h, char state[STATE_LINE_MAX],
               char control[STATE_LINE_MAX], const char **lines)
{
    size_t n = 0;
    if (is_absolute(h->xdg_state_home))
        snprintf(state, STATE_LINE_MAX, "StateDirectory %s/ferry", h->xdg_state_home);
    else if (is_absolute(h->home))
        snprintf(state, STATE_LINE_MAX, "StateDirectory %s/.local/state/ferry", h->home);
    char run_user[64];
    snprintf(run_user, sizeof run_user, "/run/user/%lu", (unsigned long)geteuid());
    const char *run = is_absolute(h->xdg_runtime_dir) ? h->xdg_runtime_dir : run_user;
    const char *base = run, *tail = "/ferry/control";
    if (access(run, X_OK) != 0 && state[0]) { /* nobody logged in, who would have it */
        base = state + strlen("StateDirectory ");
        tail = "/control";
    }
    int len = snprintf(control, STATE_LINE_MAX, "ControlSocket %s%s", base, tail);
    if (len < 0 || len >= STATE_LINE_MAX)
        control[0] = 0;
    if (state[0])
        lines[n++] = state;
    if (control[0])
        lines[n++] = control;
    return n;
}

static bool
says(const struct server_config *config, const char *keyword)
{
    size_t cursor = 0;
    return server_config_next(config, keyword, &cursor) != NULL;
}

/* Read again with those of our places that were not said. */
static enum err
place_at_home(const char *path, const char *const *overrides,
              const struct config_homes *homes, struct server_config **config,
              struct fault *why)
{
    char state[STATE_LINE_MAX] = "", control[STATE_LINE_MAX] = "";
    const char *own[2], *lines[OVERRIDES_MAX + 3];
    size_t n = 0;
    for (; overrides && overrides[n] && n < OVERRIDES_MAX; n++)
        lines[n] = overrides[n];
    size_t n_own = add_own_places(homes, state, control, own);
    for (size_t i = 0; i < n_own; i++)
        if (!says(*config, own[i] == state ? "StateDirectory" : "ControlSocket"))
            lines[n++] = own[i];
    lines[n] = NULL;
    server_config_free(*config);
    return config_files_parse(path, lines, config, why);
}

struct config_homes
config_homes_of_environment(void)
{
    return (struct config_homes){getenv("HOME"), getenv("XDG_STATE_HOME"),
                                 getenv("XDG_RUNTIME_DIR")};
}

enum err
config_files_load(const char *path, const char *const *overrides,
                  const struct config_homes *homes, struct server_config **config,
                  struct server_options *options, struct fault *why)
{
    enum err err = config_files_parse(path, overrides, config, why);
    if (err == ERR_NONE && geteuid() != 0)
        err = place_at_home(path, overrides, homes, config, why);
    if (err != ERR_NONE) {
        *config = NULL;
        return err;
    }
    err = server_config_effective(*config, NULL, options);
    return err ? fault_set(why, err, 0, "out of memory") : ERR_NONE;
}
