/* The administrator's commands without the daemon around them: `ferryd` for tests. */
#include <stdio.h>

#include "admin/admin.h"

int
main(int argc, char **argv)
{
    return argc > 1 ? admin_command(argv[1], argc - 2, argv + 2, NULL) : ADMIN_USAGE;
}
