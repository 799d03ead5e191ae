/* See failure.h. */
#include "sftp/failure.h"

#include <errno.h>

#include "base/bytes.h"
#include "vfs/vfs.h"

/*
 * The codes are those of OpenSSH's server, since clients decide by them:
 * WinSCP gives up an upload unless a missing path is NO_SUCH_FILE, for example.
 * EROFS differs: PERMISSION_DENIED says more than FAILURE.
 */
static const struct row {
    int error;
    struct sftp_failure failure;
} rows[] = {
    {0, {SSH_FX_OK, "Success"}},

    {ENOENT, {SSH_FX_NO_SUCH_FILE, "No such file or directory"}},
    {ENOTDIR, {SSH_FX_NO_SUCH_FILE, "A part of the path is not a directory"}},
    {ELOOP, {SSH_FX_NO_SUCH_FILE, "The path runs through too many symbolic links"}},
    {EBADF, {SSH_FX_NO_SUCH_FILE, "The handle is not open for this"}},

    {EACCES,
     {SSH_FX_PERMISSION_DENIED,
      "Permission denied by the owner or mode of the file or of its directory"}},
    {EPERM, {SSH_FX_PERMISSION_DENIED, "Only the owner may do this"}},
    {EROFS, {SSH_FX_PERMISSION_DENIED, "The file system is mounted for reading only"}},
    {VFS_ERR_READ_ONLY,
     {SSH_FX_PERMISSION_DENIED, "Read-only: this server accepts no changes"}},
    {VFS_ERR_REFUSED, {SSH_FX_PERMISSION_DENIED, "A rule of the account forbids this"}},
    {VFS_ERR_BEING_WRITTEN,
     {SSH_FX_FAILURE, "The file is being uploaded: it can be changed when that is done"}},
    {VFS_ERR_NO_INODES,
     {SSH_FX_FAILURE,
      "The server's disk can hold no more files (it has no free inodes)"}},
    {VFS_ERR_ESCAPES,
     {SSH_FX_PERMISSION_DENIED,
      "A symbolic link in the path leads out of the shared folder"}},
    {VFS_ERR_SPECIAL,
     {SSH_FX_PERMISSION_DENIED,
      "Not a regular file: pipes, devices and sockets are not opened"}},
    {VFS_ERR_PSEUDO,
     {SSH_FX_PERMISSION_DENIED, "Files of the kernel's own are not opened"}},
    {VFS_ERR_MODE_BITS,
     {SSH_FX_PERMISSION_DENIED,
      "Set-user-id, set-group-id and sticky bits are not accepted here"}},
    {VFS_ERR_OWNER, {SSH_FX_PERMISSION_DENIED, "Owner and group cannot be changed here"}},

    {ENAMETOOLONG,
     {SSH_FX_BAD_MESSAGE, "The name is too long: 255 octets a component, 4095 in all"}},
    {EINVAL, {SSH_FX_BAD_MESSAGE, "A name or a value is not valid here"}},
    {EILSEQ, {SSH_FX_BAD_MESSAGE, "The name has octets that the file system refuses"}},

    {ENOSYS, {SSH_FX_OP_UNSUPPORTED, "The server's system cannot do this"}},
    {EOPNOTSUPP, {SSH_FX_OP_UNSUPPORTED, "The file system cannot do this"}},

    {EEXIST, {SSH_FX_FAILURE, "The name exists already"}},
    {EISDIR, {SSH_FX_FAILURE, "Is a directory"}},
    {ENOTEMPTY, {SSH_FX_FAILURE, "The directory is not empty"}},
    {EXDEV, {SSH_FX_FAILURE, "The two names are on different file systems"}},
    {EMLINK, {SSH_FX_FAILURE, "The file has too many names"}},
    {EBUSY, {SSH_FX_FAILURE, "The system is using it"}},
    {ETXTBSY, {SSH_FX_FAILURE, "The file is a program that runs now"}},
    {EFBIG, {SSH_FX_FAILURE, "The file would grow beyond the largest size allowed"}},
    {EOVERFLOW, {SSH_FX_BAD_MESSAGE, "The offset or size is beyond what is possible"}},
    {ENOSPC, {SSH_FX_FAILURE, "No space left on the server's disk"}},
    {EDQUOT, {SSH_FX_FAILURE, "The account's disk quota is used up"}},
    {EIO, {SSH_FX_FAILURE, "The server's disk failed to read or write"}},
    {ESTALE, {SSH_FX_FAILURE, "The file vanished from the server's file server"}},
    {EMFILE, {SSH_FX_FAILURE, "Too many files are open in this session"}},
    {ENFILE, {SSH_FX_FAILURE, "Too many files are open on the server"}},
    {ENOMEM, {SSH_FX_FAILURE, "The server is out of memory"}},
    {EAGAIN, {SSH_FX_FAILURE, "The file is changing too fast: try again"}},
    {EINTR, {SSH_FX_FAILURE, "The server was interrupted: try again"}},
};

struct sftp_failure
sftp_failure_of(int error)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].error == error)
            return rows[i].failure;
    return (struct sftp_failure){SSH_FX_FAILURE,
                                 "The server's system refused for a reason of its own"};
}
