/* libssh as a client; arguments and operations: Library in ../clients.py. */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libssh does not split writes; larger ones pass what peers accept. */
#define PIECE 32000

static ssh_session ssh;
static sftp_session sftp;

static void
must(int is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "%s: %s (sftp status %d)\n", what, ssh_get_error(ssh),
            sftp ? sftp_get_error(sftp) : -1);
    exit(1);
}

static void
authenticate(const char *password, const char *key_path)
{
    if (*password) {
        must(ssh_userauth_password(ssh, NULL, password) == SSH_AUTH_SUCCESS, "password");
        return;
    }
    ssh_key key = NULL;
    must(ssh_pki_import_privkey_file(key_path, NULL, NULL, NULL, &key) == SSH_OK, "key");
    must(ssh_userauth_publickey(ssh, NULL, key) == SSH_AUTH_SUCCESS, "publickey");
    ssh_key_free(key);
}

static void
login(char **argv)
{
    int port = atoi(argv[1]);
    uint64_t rekey_bytes = strtoull(argv[6], NULL, 10);
    int no_config = 0;

    ssh = ssh_new();
    ssh_options_set(ssh, SSH_OPTIONS_PROCESS_CONFIG, &no_config);
    ssh_options_set(ssh, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(ssh, SSH_OPTIONS_PORT, &port);
    ssh_options_set(ssh, SSH_OPTIONS_USER, argv[2]);
    ssh_options_set(ssh, SSH_OPTIONS_KNOWNHOSTS, argv[5]);
    ssh_options_set(ssh, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    if (rekey_bytes)
        ssh_options_set(ssh, SSH_OPTIONS_REKEY_DATA, &rekey_bytes);
    must(ssh_connect(ssh) == SSH_OK, "connect");
    must(ssh_session_is_known_server(ssh) == SSH_KNOWN_HOSTS_OK, "host key");
    authenticate(argv[3], argv[4]);
    sftp = sftp_new(ssh);
    must(sftp && sftp_init(sftp) == SSH_OK, "sftp");
}

static void
put(const char *local, const char *remote, int flags)
{
    char piece[PIECE];
    size_t n;
    FILE *from = fopen(local, "rb");
    sftp_file to = sftp_open(sftp, remote, flags, 0600);

    must(from && to, "open for put");
    if (!(flags & O_TRUNC)) {
        sftp_attributes have = sftp_fstat(to);
        must(have && sftp_seek64(to, have->size) == 0, "seek");
        fseeko(from, (off_t)have->size, SEEK_SET);
        sftp_attributes_free(have);
    }
    while ((n = fread(piece, 1, sizeof(piece), from)) > 0)
        must(sftp_write(to, piece, n) == (ssize_t)n, "write");
    fclose(from);
    must(sftp_close(to) == SSH_NO_ERROR, "close");
}

static void
get(const char *remote, const char *local, const char *mode)
{
    char piece[PIECE];
    ssize_t n;
    FILE *to = fopen(local, mode);
    sftp_file from = sftp_open(sftp, remote, O_RDONLY, 0);

    must(from && to, "open for get");
    must(sftp_seek64(from, (uint64_t)ftello(to)) == 0, "seek");
    while ((n = sftp_read(from, piece, sizeof(piece))) > 0)
        fwrite(piece, 1, (size_t)n, to);
    must(n == 0, "read");
    must(fclose(to) == 0, "fclose");
    sftp_close(from);
}

static void
list(const char *remote)
{
    sftp_attributes entry;
    sftp_dir dir = sftp_opendir(sftp, remote);

    must(dir != NULL, "opendir");
    while ((entry = sftp_readdir(sftp, dir)) != NULL) {
        puts(entry->name);
        sftp_attributes_free(entry);
    }
    must(sftp_dir_eof(dir), "readdir");
    sftp_closedir(dir);
}

static void
perform(const char *verb, const char *one, const char *two)
{
    if (!strcmp(verb, "ls"))
        list(one);
    else if (!strcmp(verb, "put"))
        put(one, two, O_WRONLY | O_CREAT | O_TRUNC);
    else if (!strcmp(verb, "reput"))
        put(one, two, O_WRONLY);
    else if (!strcmp(verb, "get"))
        get(one, two, "wb");
    else if (!strcmp(verb, "reget"))
        get(one, two, "ab");
    else if (!strcmp(verb, "rename"))
        must(sftp_rename(sftp, one, two) == 0, verb);
    else if (!strcmp(verb, "rm"))
        must(sftp_unlink(sftp, one) == 0, verb);
    else if (!strcmp(verb, "mkdir"))
        must(sftp_mkdir(sftp, one, 0755) == 0, verb);
    else if (!strcmp(verb, "rmdir"))
        must(sftp_rmdir(sftp, one) == 0, verb);
    else
        must(0, verb);
}

int
main(int argc, char **argv)
{
    char line[8192];

    if (argc != 7)
        return 2;
    login(argv);
    while (fgets(line, sizeof(line), stdin)) {
        char *verb = strtok(line, "\t\n");
        char *one = strtok(NULL, "\t\n");
        char *two = strtok(NULL, "\t\n");
        perform(verb, one, two);
    }
    sftp_free(sftp);
    ssh_disconnect(ssh);
    ssh_free(ssh);
    return 0;
}
