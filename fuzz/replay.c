/*
 * Stands in for libFuzzer in ordinary builds: runs a target over the empty input and
 * over each file of the folder named on the command line.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static int
replay(const char *folder, const char *name)
{
    static uint8_t input[INPUT_MAX];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t n = fread(input, 1, sizeof input, file);
    fclose(file);
    printf("%s\n", path); /* the last line before a crash names the culprit */
    fflush(stdout);
    /* Exactly as long as the input, so that a read behind it is seen. */
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        return 1;
    memcpy(copy, input, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return 0;
}

int
main(int argc, char **argv)
{
    int status = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder)
        return argc == 2; /* a folder was named and is not there */
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (e->d_name[0] != '.')
            status |= replay(argv[1], e->d_name);
    closedir(folder);
    return status;
}
