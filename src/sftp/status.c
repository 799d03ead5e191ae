/* See status.h. */
#include "sftp/status.h"

#include <errno.h>

#include "base/bytes.h"
#include "vfs/vfs.h"

const char *
sftp_status_name(uint32_t code)
{
    static const char *const names[] = {
        [SFTP_STATUS_OK] = "success",
        [SFTP_STATUS_EOF] = "end of file",
        [SFTP_STATUS_NO_SUCH_FILE] = "no such file",
        [SFTP_STATUS_PERMISSION_DENIED] = "permission denied",
        [SFTP_STATUS_FAILURE] = "failure",
        [SFTP_STATUS_BAD_MESSAGE] = "bad message",
        [SFTP_STATUS_NO_CONNECTION] = "no connection",
        [SFTP_STATUS_CONNECTION_LOST] = "connection lost",
        [SFTP_STATUS_OP_UNSUPPORTED] = "operation unsupported",
    };
    return code < ARRAY_LEN(names) ? names[code] : NULL;
}

/*
 * The codes are those of OpenSSH's server, since clients decide by them:
 * WinSCP gives up an upload unless a missing path is NO_SUCH_FILE, for example.
 * EROFS differs: PERMISSION_DENIED says more than FAILURE.
 */
static const struct row {
    int error;
    struct sftp_failure failure;
} rows[] = {
    {0, {SFTP_STATUS_OK, "Success"}},

    {ENOENT, {SFTP_STATUS_NO_SUCH_FILE, "No such file or directory"}},
    {ENOTDIR, {SFTP_STATUS_NO_SUCH_FILE, "A part of the path is not a directory"}},
    {ELOOP, {SFTP_STATUS_NO_SUCH_FILE, "The path runs through too many symbolic links"}},
    {EBADF, {SFTP_STATUS_NO_SUCH_FILE, "The handle is not open for this"}},

    {EACCES,
     {SFTP_STATUS_PERMISSION_DENIED,
      "Permission denied by the owner or mode of the file or of its directory"}},
    {EPERM, {SFTP_STATUS_PERMISSION_DENIED, "Only the owner may do this"}},
    {EROFS,
     {SFTP_STATUS_PERMISSION_DENIED, "The file system is mounted for reading only"}},
    {VFS_ERR_READ_ONLY,
     {SFTP_STATUS_PERMISSION_DENIED, "Read-only: this server accepts no changes"}},
    {VFS_ERR_ESCAPES,
     {SFTP_STATUS_PERMISSION_DENIED,
      "A symbolic link in the path leads out of the shared folder"}},
    {VFS_ERR_SPECIAL,
     {SFTP_STATUS_PERMISSION_DENIED,
      "Not a regular file: pipes, devices and sockets are not opened"}},
    {VFS_ERR_PSEUDO,
     {SFTP_STATUS_PERMISSION_DENIED, "Files of the kernel's own are not opened"}},
    {VFS_ERR_MODE_BITS,
     {SFTP_STATUS_PERMISSION_DENIED,
      "Set-user-id, set-group-id and sticky bits are not accepted here"}},
    {VFS_ERR_OWNER,
     {SFTP_STATUS_PERMISSION_DENIED, "Owner and group cannot be changed here"}},

    {ENAMETOOLONG,
     {SFTP_STATUS_BAD_MESSAGE,
      "The name is too long: 255 octets a component, 4095 in all"}},
    {EINVAL, {SFTP_STATUS_BAD_MESSAGE, "A name or a value is not valid here"}},
    {EILSEQ,
     {SFTP_STATUS_BAD_MESSAGE, "The name has octets that the file system refuses"}},

    {ENOSYS, {SFTP_STATUS_OP_UNSUPPORTED, "The server's system cannot do this"}},
    {EOPNOTSUPP, {SFTP_STATUS_OP_UNSUPPORTED, "The file system cannot do this"}},

    {EEXIST, {SFTP_STATUS_FAILURE, "The name exists already"}},
    {EISDIR, {SFTP_STATUS_FAILURE, "Is a directory"}},
    {ENOTEMPTY, {SFTP_STATUS_FAILURE, "The directory is not empty"}},
    {EXDEV, {SFTP_STATUS_FAILURE, "The two names are on different file systems"}},
    {EMLINK, {SFTP_STATUS_FAILURE, "The file has too many names"}},
    {EBUSY, {SFTP_STATUS_FAILURE, "The system is using it"}},
    {ETXTBSY, {SFTP_STATUS_FAILURE, "The file is a program that runs now"}},
    {EFBIG, {SFTP_STATUS_FAILURE, "The file would grow beyond the largest size allowed"}},
    {EOVERFLOW, {SFTP_STATUS_FAILURE, "The offset or size is beyond what is possible"}},
    {ENOSPC, {SFTP_STATUS_FAILURE, "No space left on the server's disk"}},
    {EDQUOT, {SFTP_STATUS_FAILURE, "The account's disk quota is used up"}},
    {EIO, {SFTP_STATUS_FAILURE, "The server's disk failed to read or write"}},
    {ESTALE, {SFTP_STATUS_FAILURE, "The file vanished from the server's file server"}},
    {EMFILE, {SFTP_STATUS_FAILURE, "Too many files are open in this session"}},
    {ENFILE, {SFTP_STATUS_FAILURE, "Too many files are open on the server"}},
    {ENOMEM, {SFTP_STATUS_FAILURE, "The server is out of memory"}},
    {EAGAIN, {SFTP_STATUS_FAILURE, "The file is changing too fast: try again"}},
    {EINTR, {SFTP_STATUS_FAILURE, "The server was interrupted: try again"}},
};

struct sftp_failure
sftp_failure_of(int error)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].error == error)
            return rows[i].failure;
    return (struct sftp_failure){SFTP_STATUS_FAILURE,
                                 "The server's system refused for a reason of its own"};
}
