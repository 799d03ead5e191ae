/*
 * The known_hosts files of one connection: read once, asked, added to. The
 * judgement is key/known_hosts.h's; what to do about it, cli/host_key.h's.
 */
#ifndef FERRY_CLI_HOSTS_H
#define FERRY_CLI_HOSTS_H

#include "cli/settings.h"
#include "key/known_hosts.h"

enum { HOSTS_FILES_MAX = 2 * OPTION_LIST_MAX };

struct hosts {
    const struct settings *settings;
    struct buf texts[HOSTS_FILES_MAX];
    struct known_hosts_file files[HOSTS_FILES_MAX];
    size_t n_files;
};

/* Read the user's files, then the system's; those that are not there count as
 * empty. s is borrowed. ERR_IO, ERR_LIMIT: one is there and cannot be read, with
 * its name in fault: no check is possible. hosts_clear also after an error. */
enum err
hosts_load(struct hosts *h, const struct settings *s, struct fault *fault) MUST_USE;
void hosts_clear(struct hosts *h);

/* The host of these settings, for known_hosts_check. Borrows from the settings. */
struct host_query hosts_query(const struct hosts *h);

/*
 * The host key algorithms to offer, those first whose keys are on record:
 * otherwise the server might present another type, and a known host would look
 * new. Appended to out.
 */
enum err hosts_order_algorithms(const struct hosts *h, struct buf *out) MUST_USE;

/* The name on record: "host" or "[host]:port". */
enum err hosts_put_name(const struct hosts *h, struct buf *out) MUST_USE;

/* Add a plain key's line to the first user file. ERR_CLOSED: there is none. */
enum err
hosts_add(const struct hosts *h, struct bytes blob, struct fault *fault) MUST_USE;

/* UpdateHostKeys: add what the server has proven, drop what it no longer has. */
enum err hosts_update(const struct hosts *h, const struct host_key_changes *changes,
                      struct fault *fault) MUST_USE;

#endif
