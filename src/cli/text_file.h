/*
 * Small local files: keys, known_hosts, configuration. Whole files in and out,
 * bounded, regular files only, so that no FIFO or device can hold us up.
 */
#ifndef FERRY_CLI_TEXT_FILE_H
#define FERRY_CLI_TEXT_FILE_H

#include <sys/stat.h>

#include "base/buf.h"

/*
 * Read a whole file into out (initialised by the caller; its max is the bound).
 * st: NULL, or what fstat said.
 * ERR_IO: errno says why; ERR_LIMIT: larger than out->max; ERR_NOMEM.
 */
enum err text_file_read(const char *path, struct buf *out, struct stat *st) MUST_USE;

/*
 * Append text by one write; makes the file, 0600, and its directory, 0700, when
 * they are not there. Puts a newline first if the last line lacks its own.
 * ERR_IO: errno says why.
 */
enum err text_file_append(const char *path, struct bytes text) MUST_USE;

/*
 * Replace the content: a temporary file beside it, same mode, then rename. A
 * symbolic link is followed, so that it stays one. ERR_IO: errno says why.
 */
enum err text_file_replace(const char *path, struct bytes text) MUST_USE;

#endif
