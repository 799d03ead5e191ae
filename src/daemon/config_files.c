/* See config_files.h. */
#include "daemon/config_files.h"

#include <errno.h>
#include <glob.h>

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
