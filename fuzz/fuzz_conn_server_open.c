/*
 * A server's engine behind a login, with a session open: channels, windows,
 * global requests, rekeying, while its own program reads and writes as the
 * input says.
 */
#include "rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig_run(CONN_SERVER, RIG_OPEN, bytes_of(data, size));
    return 0;
}
