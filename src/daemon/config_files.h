/*
 * ferryd's configuration from the disk: the main file and what it includes,
 * each trusted like a key (threats F5): a regular file of at most 1 MiB that
 * nobody but root and the daemon's user can change.
 */
#ifndef FERRY_DAEMON_CONFIG_FILES_H
#define FERRY_DAEMON_CONFIG_FILES_H

#include "config/server_config.h"

#define CONFIG_FILES_DEFAULT "/etc/ferry/ferryd.conf"

/*
 * Read the file at path, and overrides as server_config_parse takes them.
 * Algorithms, rights and requests must be ones that this program has.
 * On success *config is the caller's; otherwise *why is one sentence, for what
 * stands in a file with FILE:LINE in front. ERR_PROTO: the text is wrong;
 * ERR_AUTH: others could have written it; ERR_IO; ERR_LIMIT: larger than 1 MiB.
 */
enum err config_files_parse(const char *path, const char *const *overrides,
                            struct server_config **config, struct fault *why) MUST_USE;

/* Where an ordinary user's daemon keeps its things: the XDG directories. Texts may be
 * NULL. */
struct config_homes {
    const char *home, *xdg_state_home, *xdg_runtime_dir;
};

/* For a command, whose environment is its user's; texts borrowed from it. */
struct config_homes config_homes_of_environment(void);

/*
 * The same, and what is effective outside every Match block into options
 * (initialised by the caller). An ordinary user has StateDirectory and
 * ControlSocket in their own directories where the file doesn't place them, since
 * the system's are not theirs.
 */
enum err
config_files_load(const char *path, const char *const *overrides,
                  const struct config_homes *homes, struct server_config **config,
                  struct server_options *options, struct fault *why) MUST_USE;

#endif
