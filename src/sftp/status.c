/* See status.h. */
#include "sftp/status.h"

#include "base/bytes.h"

const char *
sftp_status_text(uint32_t code)
{
    static const char *const texts[] = {
        [SSH_FX_OK] = "success",
        [SSH_FX_EOF] = "end of file",
        [SSH_FX_NO_SUCH_FILE] = "no such file",
        [SSH_FX_PERMISSION_DENIED] = "permission denied",
        [SSH_FX_FAILURE] = "failure",
        [SSH_FX_BAD_MESSAGE] = "bad message",
        [SSH_FX_NO_CONNECTION] = "no connection",
        [SSH_FX_CONNECTION_LOST] = "connection lost",
        [SSH_FX_OP_UNSUPPORTED] = "operation unsupported",
        /* draft-ietf-secsh-filexfer-13 section 9.1 */
        "invalid handle",
        "no such path",
        "file already exists",
        "write protected",
        "no medium",
        "no space on file system",
        "quota exceeded",
        "unknown user or group",
        "locked by somebody else",
        "directory not empty",
        "not a directory",
        "invalid file name",
        "too many symbolic links",
        "cannot delete",
        "invalid parameter",
        "is a directory",
        "range locked by somebody else",
        "range lock refused",
        "delete pending",
        "file corrupt",
        "owner invalid",
        "group invalid",
        "no such range lock",
    };
    return code < ARRAY_LEN(texts) ? texts[code] : "failure";
}
