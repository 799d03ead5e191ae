/* See exit_status.h. */
#include "cli/exit_status.h"

static const struct {
    const char *name, *text;
} rows[EXIT_STATUS_COUNT] = {
    [EXIT_OK] = {"ok", "everything was done"},
    [EXIT_SOME_FAILED] = {"some-failed", "some files or the operation failed"},
    [EXIT_USAGE] = {"usage", "the command line or the configuration is wrong"},
    [EXIT_NOT_FOUND] = {"not-found", "the file or directory does not exist"},
    [EXIT_PERMISSION] = {"permission", "the server denied permission"},
    [EXIT_AUTH] = {"authentication", "authentication failed"},
    [EXIT_HOST_KEY] = {"host-key", "the server's host key was not accepted"},
    [EXIT_CONNECT] = {"connect", "no connection: name look-up, refusal or timeout"},
    [EXIT_LOST] = {"lost", "the connection was lost; a transfer can be resumed"},
    [EXIT_MISMATCH] = {"mismatch", "what arrived is not what was sent"},
    [EXIT_LOCAL] = {"local", "the local file system refused or is full"},
    [EXIT_UNSUPPORTED] = {"unsupported", "the server lacks the feature"},
    [EXIT_INTERRUPTED] = {"interrupted", "interrupted by a signal"},
};

enum exit_status
exit_status_of(enum transfer_failure failure)
{
    static const enum exit_status map[] = {
        [TRANSFER_OK] = EXIT_OK,
        [TRANSFER_FAILED] = EXIT_SOME_FAILED,
        [TRANSFER_NOT_FOUND] = EXIT_NOT_FOUND,
        [TRANSFER_DENIED] = EXIT_PERMISSION,
        [TRANSFER_LOST] = EXIT_LOST,
        [TRANSFER_MISMATCH] = EXIT_MISMATCH,
        [TRANSFER_LOCAL] = EXIT_LOCAL,
        [TRANSFER_UNSUPPORTED] = EXIT_UNSUPPORTED,
        [TRANSFER_REFUSED] = EXIT_SOME_FAILED,
        [TRANSFER_CANCELLED] = EXIT_INTERRUPTED,
    };
    return (size_t)failure < ARRAY_LEN(map) ? map[failure] : EXIT_SOME_FAILED;
}

const char *
exit_status_name(enum exit_status status)
{
    return rows[status].name;
}

const char *
exit_status_text(enum exit_status status)
{
    return rows[status].text;
}
