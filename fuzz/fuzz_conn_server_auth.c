/*
 * A server's engine that waits for a login: service and authentication
 * requests under the right keys, verdicts from the input.
 */
#include "rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig_run(CONN_SERVER, RIG_AT_LOGIN, bytes_of(data, size));
    return 0;
}
