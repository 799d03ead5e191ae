/*
 * Against the ssh-keygen of this machine: keys that it makes now are read here,
 * keys written here are read by it, and both say the same about them. Skipped
 * where there is none. Everything happens in a directory of its own.
 */
#include "key/key_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key/fingerprint.h"
#include "key/known_hosts.h"

static char dir[] = "/tmp/ferry-ssh-keygen-XXXXXX";

/* ---- running it ---- */

/* The output of a shell command run in dir; its status must be 0. */
static struct buf run(const char *fmt, ...) PRINTF_LIKE(1, 2);

static struct buf
run(const char *fmt, ...)
{
    char args[512], command[1024];
    uint8_t block[4096];
    struct buf out;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "cd %s && timeout 60 %s </dev/null", dir, args);
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    buf_init(&out, 1 << 20);
    for (size_t n; (n = fread(block, 1, sizeof block, pipe)) != 0;)
        buf_put(&out, bytes_of(block, n));
    if (pclose(pipe) != 0)
        fail_msg("failed: %s", command);
    return out;
}

static void
write_file(const char *name, struct bytes text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), text.n);
    close(fd);
}

static int
open_lab(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    return test_init(state);
}

static int
close_lab(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static bool
is_missing(void)
{
    return system("command -v ssh-keygen >/dev/null 2>&1") != 0;
}

/* ---- keys ---- */

static const struct {
    const char *type, *phrase;
} made[] = {
    {"-t ed25519", ""},      {"-t ed25519 -Z aes128-gcm@openssh.com -a 1", "open sesame"},
    {"-t ecdsa -b 256", ""}, {"-t ecdsa -b 384 -m PEM", "open sesame"},
    {"-t ecdsa -b 521", ""}, {"-t rsa -b 2048 -m PKCS8", "open sesame"},
    {"-t rsa -b 3072", ""},  {"-t ed25519 -Z chacha20-poly1305@openssh.com -a 1", "x y"},
};

static struct privkey *
read_key(const char *phrase)
{
    struct buf text = run("cat key");
    struct privkey *key = NULL;
    struct fault why = {0};
    if (private_file_parse(buf_bytes(&text), bytes_str(phrase), &key, NULL, &why) !=
        ERR_NONE)
        fail_msg("%s", why.text);
    buf_clear(&text);
    return key;
}

/* Our line and pictures equal those of ssh-keygen -l, -lv, -l -E md5. */
static void
compare_words(struct bytes blob)
{
    static const struct {
        const char *command;
        enum fingerprint_form form;
        bool has_art;
    } forms[] = {
        {"ssh-keygen -l -f key.pub", FINGERPRINT_SHA256, false},
        {"ssh-keygen -lv -f key.pub", FINGERPRINT_SHA256, true},
        {"ssh-keygen -lv -E md5 -f key.pub", FINGERPRINT_MD5, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct buf theirs = run("%s", forms[i].command), ours;
        buf_init(&ours, 4096);
        assert_int_equal(
            fingerprint_put_line(forms[i].form, blob, BYTES_LIT("me@here"), &ours),
            ERR_NONE);
        buf_put_u8(&ours, '\n');
        if (forms[i].has_art) {
            assert_int_equal(randomart_put(forms[i].form, blob, &ours), ERR_NONE);
            buf_put_u8(&ours, '\n');
        }
        test_text_is(&ours, buf_cstr(&theirs));
        buf_clear(&ours);
        buf_clear(&theirs);
    }
}

static void
keys_made_now_are_read_and_described_alike(void **state)
{
    (void)state;
    if (is_missing())
        skip();
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        struct buf done =
            run("rm -f key key.pub && ssh-keygen -q %s -N '%s' -C me@here -f key",
                made[i].type, made[i].phrase);
        struct privkey *key = read_key(made[i].phrase);
        struct bytes blob = pubkey_blob(privkey_public(key));
        struct buf pub = run("cat key.pub"), line;
        buf_init(&line, PUBKEY_LINE_MAX);
        pubkey_line_put(blob, BYTES_LIT("me@here"), &line);
        buf_put_u8(&line, '\n');
        test_text_is(&line, buf_cstr(&pub));
        compare_words(blob);
        privkey_free(key);
        buf_clear(&line);
        buf_clear(&pub);
        buf_clear(&done);
    }
}

static void
keys_written_here_are_read_there(void **state)
{
    (void)state;
    if (is_missing())
        skip();
    static const char *const names[] = {"ed25519", "rsa", "ecdsa256",
                                        "ecdsa521-PKCS8-encrypted"};
    static const char *const phrases[] = {"", "open sesame"};
    for (size_t i = 0; i < ARRAY_LEN(names) * 2; i++) {
        struct privkey *key = test_key(names[i / 2]);
        const char *phrase = phrases[i % 2];
        struct buf file, line;
        buf_init(&file, PRIVATE_FILE_MAX);
        buf_init(&line, PUBKEY_LINE_MAX);
        assert_int_equal(private_file_write(key, BYTES_LIT("from here"),
                                            bytes_str(phrase), &rand_system, &file),
                         ERR_NONE);
        write_file("ours", buf_bytes(&file));
        struct buf theirs = run("ssh-keygen -y -P '%s' -f ours", phrase);
        pubkey_line_put(pubkey_blob(privkey_public(key)), BYTES_LIT("from here"), &line);
        buf_put_u8(&line, '\n');
        test_text_is(&theirs, buf_cstr(&line));
        buf_clear(&theirs);
        buf_clear(&line);
        buf_clear(&file);
        privkey_free(key);
    }
}

/* ---- known_hosts ---- */

static void
put_host(const char *host, uint16_t port, enum host_name_form form, struct bytes blob,
         struct buf *text)
{
    struct buf name;
    buf_init(&name, 300);
    assert_int_equal(known_hosts_name(bytes_str(host), port, &name), ERR_NONE);
    assert_int_equal(
        known_hosts_put_line(form, buf_bytes(&name), blob, &rand_system, text), ERR_NONE);
    buf_clear(&name);
}

static void
lines_written_here_are_found_there(void **state)
{
    (void)state;
    if (is_missing())
        skip();
    static const char *const finds[] = {"plain.example", "[plain.example]:2022",
                                        "hashed.example", "[2001:db8::1]:2022"};
    struct buf blob = test_blob("ed25519"), text;
    buf_init(&text, 4096);
    put_host("plain.example", 22, HOST_NAME_PLAIN, buf_bytes(&blob), &text);
    put_host("plain.example", 2022, HOST_NAME_PLAIN, buf_bytes(&blob), &text);
    put_host("hashed.example", 22, HOST_NAME_HASHED, buf_bytes(&blob), &text);
    put_host("2001:db8::1", 2022, HOST_NAME_HASHED, buf_bytes(&blob), &text);
    write_file("kh", buf_bytes(&text));
    for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
        struct buf found = run("ssh-keygen -F '%s' -f kh", finds[i]);
        assert_true(found.n != 0);
        buf_clear(&found);
    }
    buf_clear(&text);
    buf_clear(&blob);
}

static void
lines_hashed_there_are_found_here(void **state)
{
    (void)state;
    if (is_missing())
        skip();
    struct buf blob = test_blob("rsa"), text;
    buf_init(&text, 4096);
    put_host("a.example", 22, HOST_NAME_PLAIN, buf_bytes(&blob), &text);
    put_host("2001:db8::7", 2022, HOST_NAME_PLAIN, buf_bytes(&blob), &text);
    write_file("kh", buf_bytes(&text));
    struct buf done = run("ssh-keygen -H -f kh 2>&1"), hashed = run("cat kh");
    assert_null(memmem(hashed.p, hashed.n, "example", 7));
    struct known_hosts_file file = {buf_bytes(&hashed), "kh"};
    struct host_query a = {.name = BYTES_LIT("A.example"), .port = 22};
    struct host_query b = {.name = BYTES_LIT("2001:DB8::7"), .port = 2022};
    struct host_finding f;
    host_finding_init(&f);
    assert_int_equal(known_hosts_check(&file, 1, &a, buf_bytes(&blob), &f),
                     HOST_KEY_KNOWN);
    assert_int_equal(known_hosts_check(&file, 1, &b, buf_bytes(&blob), &f),
                     HOST_KEY_KNOWN);
    host_finding_clear(&f);
    buf_clear(&hashed);
    buf_clear(&done);
    buf_clear(&text);
    buf_clear(&blob);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_made_now_are_read_and_described_alike),
        cmocka_unit_test(keys_written_here_are_read_there),
        cmocka_unit_test(lines_written_here_are_found_there),
        cmocka_unit_test(lines_hashed_there_are_found_here),
    };
    return cmocka_run_group_tests(tests, open_lab, close_lab);
}
