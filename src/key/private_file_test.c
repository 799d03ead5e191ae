#include "key/key_test.h"

#include "crypto/bcrypt_pbkdf.h"
#include "key/armor.h"
#include "wire/put.h"

/* ---- reading what others wrote ---- */

static const struct {
    const char *name;
    bool is_encrypted;
    enum key_kind kind;
    const char *comment;
} keys[] = {
    {"ed25519", false, KEY_ED25519, "ed25519@test"},
    {"ecdsa256", false, KEY_ECDSA_P256, "ecdsa256@test"},
    {"ecdsa384", false, KEY_ECDSA_P384, "ecdsa384@test"},
    {"ecdsa521", false, KEY_ECDSA_P521, "ecdsa521@test"},
    {"rsa", false, KEY_RSA, "rsa@test"},
    {"ed25519-aes256-ctr", true, KEY_ED25519, "ed25519-aes256-ctr@test"},
    {"ed25519-aes192-ctr", true, KEY_ED25519, "ed25519-aes192-ctr@test"},
    {"ed25519-aes128-ctr", true, KEY_ED25519, "ed25519-aes128-ctr@test"},
    {"ed25519-aes256-cbc", true, KEY_ED25519, "ed25519-aes256-cbc@test"},
    {"ed25519-aes192-cbc", true, KEY_ED25519, "ed25519-aes192-cbc@test"},
    {"ed25519-aes128-cbc", true, KEY_ED25519, "ed25519-aes128-cbc@test"},
    {"ed25519-aes256-gcm", true, KEY_ED25519, "ed25519-aes256-gcm@test"},
    {"ed25519-aes128-gcm", true, KEY_ED25519, "ed25519-aes128-gcm@test"},
    {"ed25519-chacha20-poly1305", true, KEY_ED25519, "ed25519-chacha20-poly1305@test"},
    {"ecdsa384-encrypted", true, KEY_ECDSA_P384, "ecdsa384-encrypted@test"},
    {"rsa-encrypted", true, KEY_RSA, "rsa-encrypted@test"},
    {"rsa-PEM", false, KEY_RSA, ""},
    {"rsa-PEM-encrypted", true, KEY_RSA, ""},
    {"ecdsa256-PEM", false, KEY_ECDSA_P256, ""},
    {"ecdsa521-PEM-encrypted", true, KEY_ECDSA_P521, ""},
    {"rsa-PKCS8", false, KEY_RSA, ""},
    {"rsa-PKCS8-encrypted", true, KEY_RSA, ""},
    {"ecdsa256-PKCS8", false, KEY_ECDSA_P256, ""},
    {"ecdsa521-PKCS8-encrypted", true, KEY_ECDSA_P521, ""},
    {"ed25519-PKCS8", false, KEY_ED25519, ""},
    {"ed25519-PKCS8-encrypted", true, KEY_ED25519, ""},
};

/* comment: cleared by the caller. *key: freed by the caller when ERR_NONE. */
static enum err
parse(struct bytes text, struct bytes passphrase, struct privkey **key,
      struct buf *comment)
{
    struct fault why = {0};
    *key = NULL;
    buf_init(comment, PRIVATE_FILE_COMMENT_MAX + 1);
    enum err e = private_file_parse(text, passphrase, key, comment, &why);
    assert_int_equal(why.code, e);
    assert_true((e == ERR_NONE) == (*key != NULL));
    return e;
}

static enum err
parse_only(struct bytes text, struct bytes passphrase)
{
    struct privkey *key;
    struct buf comment;
    enum err e = parse(text, passphrase, &key, &comment);
    privkey_free(key);
    buf_clear(&comment);
    return e;
}

static void
every_kind_form_and_cipher_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct buf text = test_fixture(keys[i].name), comment;
        struct privkey *key;
        enum err e = parse(buf_bytes(&text), PASSPHRASE, &key, &comment);
        if (e != ERR_NONE)
            fail_msg("%s: %s", keys[i].name, err_name(e));
        assert_int_equal(pubkey_kind(privkey_public(key)), keys[i].kind);
        test_text_is(&comment, keys[i].comment);
        privkey_free(key);
        buf_clear(&comment);
        buf_clear(&text);
    }
}

static bool
has_pub_file(const char *name)
{
    return !bytes_has_prefix(bytes_str(name), "ed25519-PKCS8");
}

static void
public_half_is_that_of_the_pub_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!has_pub_file(keys[i].name))
            continue;
        struct buf want = test_blob(keys[i].name);
        struct privkey *key = test_key(keys[i].name);
        assert_true(bytes_eq(pubkey_blob(privkey_public(key)), buf_bytes(&want)));
        privkey_free(key);
        buf_clear(&want);
    }
}

static void
missing_passphrase_is_told_from_a_wrong_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct buf text = test_fixture(keys[i].name);
        struct fault why = {0};
        struct privkey *key = NULL;
        enum err want = keys[i].is_encrypted ? ERR_AUTH : ERR_NONE;
        enum err e =
            private_file_parse(buf_bytes(&text), (struct bytes){0}, &key, NULL, &why);
        if (e != want)
            fail_msg("%s: %s", keys[i].name, err_name(e));
        if (want == ERR_AUTH)
            assert_non_null(strstr(why.text, "needs its passphrase"));
        privkey_free(key);
        key = NULL;
        why = (struct fault){0};
        e = private_file_parse(buf_bytes(&text), BYTES_LIT("wrong"), &key, NULL, &why);
        if (e != want)
            fail_msg("%s, wrong: %s", keys[i].name, err_name(e));
        if (want == ERR_AUTH)
            assert_string_equal(why.text, "wrong passphrase");
        privkey_free(key);
        buf_clear(&text);
    }
}

static void
public_blob_of_an_encrypted_file_needs_no_passphrase(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!has_pub_file(keys[i].name))
            continue;
        struct buf text = test_fixture(keys[i].name), want = test_blob(keys[i].name),
                   have;
        struct fault why = {0};
        bool is_pem = keys[i].comment[0] == '\0';
        buf_init(&have, KEY_BLOB_MAX);
        enum err e = private_file_public(buf_bytes(&text), &have, &why);
        assert_int_equal(e, is_pem && keys[i].is_encrypted ? ERR_AUTH : ERR_NONE);
        if (e == ERR_NONE)
            assert_true(bytes_eq(buf_bytes(&have), buf_bytes(&want)));
        buf_clear(&have);
        buf_clear(&want);
        buf_clear(&text);
    }
}

static void
keys_too_weak_or_of_another_kind_are_refused(void **state)
{
    (void)state;
    struct buf weak = test_fixture("rsa1024"), dsa = test_fixture("dsa-PEM");
    assert_int_equal(parse_only(buf_bytes(&weak), PASSPHRASE), ERR_CRYPTO);
    assert_int_equal(parse_only(buf_bytes(&dsa), PASSPHRASE), ERR_PROTO);
    assert_int_equal(
        parse_only(BYTES_LIT("PuTTY-User-Key-File-3: ssh-ed25519\n"), PASSPHRASE),
        ERR_PROTO);
    buf_clear(&dsa);
    buf_clear(&weak);
}

/* ---- damage ---- */

static void
file_cut_at_any_octet_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"ed25519", "ecdsa384", "rsa-PEM", "ed25519-PKCS8",
                                        "ed25519-aes256-gcm"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct buf text = test_fixture(files[i]);
        for (size_t n = 0; n + 1 < text.n; n++) { /* the last LF may go */
            struct buf cut = test_bytes(bytes_first(buf_bytes(&text), n));
            if (parse_only(buf_bytes(&cut), PASSPHRASE) == ERR_NONE)
                fail_msg("%s cut to %zu octets was read", files[i], n);
            buf_clear(&cut);
        }
        buf_clear(&text);
    }
}

/* The octets inside the armour. */
static struct buf
image_of(const char *name)
{
    struct buf text = test_fixture(name), image;
    struct bytes body;
    buf_init(&image, PRIVATE_FILE_MAX);
    assert_true(armor_find(buf_bytes(&text), "OPENSSH PRIVATE KEY", &body));
    assert_int_equal(base64_decode_wrapped(body, &image), ERR_NONE);
    buf_clear(&text);
    return image;
}

static enum err
parse_image(struct bytes image, struct bytes passphrase)
{
    struct buf text;
    buf_init(&text, 2 * PRIVATE_FILE_MAX);
    armor_put(image, "OPENSSH PRIVATE KEY", &text);
    test_tighten(&text);
    enum err e = parse_only(buf_bytes(&text), passphrase);
    buf_clear(&text);
    return e;
}

static void
image_cut_at_any_octet_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"ed25519", "ecdsa256", "rsa"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct buf image = image_of(files[i]);
        for (size_t n = 0; n < image.n; n++)
            if (parse_image(bytes_first(buf_bytes(&image), n), PASSPHRASE) == ERR_NONE)
                fail_msg("%s cut to %zu octets was read", files[i], n);
        buf_clear(&image);
    }
}

static void
image_with_any_bit_flipped_is_refused_but_in_the_comment(void **state)
{
    (void)state;
    struct buf image = image_of("ed25519");
    const uint8_t *comment = memmem(image.p, image.n, "ed25519@test", 12);
    assert_non_null(comment);
    size_t at = (size_t)(comment - image.p);
    for (size_t bit = 0; bit < image.n * 8; bit++) {
        if (bit / 8 == at - 1)
            continue; /* a comment longer by one may swallow the only padding octet */
        bool is_comment = bit / 8 >= at && bit / 8 < at + 12;
        image.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err e = parse_image(buf_bytes(&image), PASSPHRASE);
        image.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if ((e == ERR_NONE) != is_comment)
            fail_msg("bit %zu of octet %zu: %s", bit % 8, bit / 8, err_name(e));
    }
    buf_clear(&image);
}

/* ---- hostile frames ---- */

struct frame {
    const char *cipher, *kdf;
    struct bytes salt;
    uint32_t rounds, n_keys;
    size_t section_len, tag_len;
    const char *trailing;
};

#define SALT BYTES_LIT("0123456789abcdef")

static const struct {
    const char *what;
    struct frame frame;
    enum err e;
} hostile[] = {
    {"rounds 2^32-1",
     {"aes256-ctr", "bcrypt", SALT, UINT32_MAX, 1, 32, 0, ""},
     ERR_LIMIT},
    {"rounds over the cap",
     {"aes256-ctr", "bcrypt", SALT, BCRYPT_ROUNDS_MAX + 1, 1, 32, 0, ""},
     ERR_LIMIT},
    {"rounds 0", {"aes256-ctr", "bcrypt", SALT, 0, 1, 32, 0, ""}, ERR_PROTO},
    {"no salt", {"aes256-ctr", "bcrypt", {0}, 1, 1, 32, 0, ""}, ERR_PROTO},
    {"no keys", {"aes256-ctr", "bcrypt", SALT, 1, 0, 32, 0, ""}, ERR_PROTO},
    {"two keys", {"aes256-ctr", "bcrypt", SALT, 1, 2, 32, 0, ""}, ERR_PROTO},
    {"2^32-1 keys", {"aes256-ctr", "bcrypt", SALT, 1, UINT32_MAX, 32, 0, ""}, ERR_PROTO},
    {"empty section", {"aes256-ctr", "bcrypt", SALT, 1, 1, 0, 0, ""}, ERR_PROTO},
    {"ragged section", {"aes256-ctr", "bcrypt", SALT, 1, 1, 33, 0, ""}, ERR_PROTO},
    {"unknown cipher", {"3des-cbc", "bcrypt", SALT, 1, 1, 32, 0, ""}, ERR_PROTO},
    {"unknown kdf", {"aes256-ctr", "scrypt", SALT, 1, 1, 32, 0, ""}, ERR_PROTO},
    {"cipher without kdf", {"aes256-ctr", "none", {0}, 0, 1, 32, 0, ""}, ERR_PROTO},
    {"kdf without cipher", {"none", "bcrypt", SALT, 1, 1, 32, 0, ""}, ERR_PROTO},
    {"no tag", {"aes256-gcm@openssh.com", "bcrypt", SALT, 1, 1, 32, 0, ""}, ERR_PROTO},
    {"half a tag",
     {"aes256-gcm@openssh.com", "bcrypt", SALT, 1, 1, 32, 8, ""},
     ERR_PROTO},
    {"a tag too many", {"aes256-ctr", "bcrypt", SALT, 1, 1, 32, 16, ""}, ERR_PROTO},
    {"trailing octet", {"aes256-ctr", "bcrypt", SALT, 1, 1, 32, 0, "x"}, ERR_PROTO},
    {"wrong tag", {"aes256-gcm@openssh.com", "bcrypt", SALT, 1, 1, 32, 16, ""}, ERR_AUTH},
    {"wrong check numbers", {"aes256-ctr", "bcrypt", SALT, 1, 1, 32, 0, ""}, ERR_AUTH},
};

static struct buf
frame_image(const struct frame *f)
{
    static const uint8_t noise[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct buf b;
    buf_init(&b, 4096);
    buf_put(&b, BYTES_LIT("openssh-key-v1\0"));
    put_cstring(&b, f->cipher);
    put_cstring(&b, f->kdf);
    size_t mark = put_string_begin(&b);
    if (strcmp(f->kdf, "none") != 0) {
        put_string(&b, f->salt);
        put_u32(&b, f->rounds);
    }
    put_string_end(&b, mark);
    put_u32(&b, f->n_keys);
    put_string(&b, BYTES_LIT("\0\0\0\x0bssh-ed25519"));
    put_string(&b, bytes_of(noise, f->section_len));
    buf_put(&b, bytes_of(noise, f->tag_len));
    buf_put_str(&b, f->trailing);
    return b;
}

static void
hostile_frames_are_refused_before_any_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct buf image = frame_image(&hostile[i].frame);
        enum err e = parse_image(buf_bytes(&image), PASSPHRASE);
        if (e != hostile[i].e)
            fail_msg("%s: %s", hostile[i].what, err_name(e));
        buf_clear(&image);
    }
}

/* A clear section with this key type and tail behind valid ed25519 fields. */
static enum err
parse_section(const char *type, struct bytes tail, bool keeps_public)
{
    struct privkey *key = test_key("ed25519"), *other = test_key("ca");
    struct buf image, section;
    buf_init(&image, 4096);
    buf_init(&section, 4096);
    put_u32(&section, 7);
    put_u32(&section, 7);
    put_cstring(&section, type);
    assert_int_equal(privkey_put_fields(key, &section), ERR_NONE);
    buf_put(&section, tail);
    buf_put(&image, BYTES_LIT("openssh-key-v1\0"));
    put_cstring(&image, "none");
    put_cstring(&image, "none");
    put_cstring(&image, "");
    put_u32(&image, 1);
    put_string(&image, pubkey_blob(privkey_public(keeps_public ? key : other)));
    put_string(&image, buf_bytes(&section));
    enum err e = parse_image(buf_bytes(&image), PASSPHRASE);
    buf_clear(&section);
    buf_clear(&image);
    privkey_free(other);
    privkey_free(key);
    return e;
}

/* 8 + 15 + 36 + 68 octets stand before the tail. */
#define TAIL(comment, padding) BYTES_LIT(comment padding)

static void
section_must_end_in_counted_padding_and_match_its_public_key(void **state)
{
    (void)state;
    struct bytes good = TAIL("\0\0\0\0", "\1\2\3\4\5");
    assert_int_equal(parse_section("ssh-ed25519", good, true), ERR_NONE);
    assert_int_equal(parse_section("ssh-ed25519", good, false), ERR_CRYPTO);
    assert_int_equal(parse_section("ssh-rsa", good, true), ERR_PROTO);
    assert_int_equal(parse_section("sk-ssh-ed25519@openssh.com",
                                   TAIL("\0\0\0\0", "\1\2\3\4\5\6"), true),
                     ERR_PROTO);
    assert_int_equal(parse_section("ssh-ed25519", TAIL("\0\0\0\0", "\1\2\3\4\4"), true),
                     ERR_PROTO);
    assert_int_equal(parse_section("ssh-ed25519", TAIL("\0\0\0\0", "\0\0\0\0\0"), true),
                     ERR_PROTO);
    assert_int_equal(
        parse_section("ssh-ed25519", TAIL("\xff\xff\xff\xff", "\1\2\3\4\5"), true),
        ERR_PROTO);
}

/* Its private half is in the authenticator; its public half is in clear. */
static void
security_key_is_told_apart_and_has_a_public_half(void **state)
{
    (void)state;
    struct bytes sk =
        BYTES_LIT("\0\0\0\x1ask-ssh-ed25519@openssh.com\0\0\0\2pk\0\0\0\4ssh:");
    struct buf image, section, text, blob;
    struct privkey *key = NULL;
    struct fault why = {0};
    buf_init(&image, 4096);
    buf_init(&section, 4096);
    buf_init(&text, 4096);
    buf_init(&blob, KEY_BLOB_MAX);
    put_u64(&section, 0); /* both check numbers */
    buf_put(&section, sk);
    put_u32(&section, 0);
    for (uint8_t i = 1; section.n % 8 != 0; i++)
        buf_put_u8(&section, i);
    buf_put(&image,
            BYTES_LIT("openssh-key-v1\0\0\0\0\4none\0\0\0\4none\0\0\0\0\0\0\0\1"));
    put_string(&image, sk);
    put_string(&image, buf_bytes(&section));
    armor_put(buf_bytes(&image), "OPENSSH PRIVATE KEY", &text);
    assert_int_equal(private_file_public(buf_bytes(&text), &blob, &why), ERR_NONE);
    assert_true(bytes_eq(buf_bytes(&blob), sk));
    assert_int_equal(private_file_parse(buf_bytes(&text), PASSPHRASE, &key, NULL, &why),
                     ERR_PROTO);
    assert_non_null(strstr(why.text, "ssh-agent"));
    buf_clear(&blob);
    buf_clear(&text);
    buf_clear(&section);
    buf_clear(&image);
}

static void
file_over_the_limit_is_refused_unread(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, PRIVATE_FILE_MAX + 1);
    memset(buf_extend(&text, PRIVATE_FILE_MAX + 1), '-', PRIVATE_FILE_MAX + 1);
    assert_int_equal(parse_only(buf_bytes(&text), PASSPHRASE), ERR_LIMIT);
    buf_clear(&text);
    assert_int_equal(parse_only((struct bytes){0}, PASSPHRASE), ERR_PROTO);
}

/* ---- writing ---- */

static void
round_trip(const char *name, struct bytes passphrase)
{
    struct privkey *key = test_key(name), *back;
    struct buf text, comment;
    buf_init(&text, PRIVATE_FILE_MAX);
    assert_int_equal(
        private_file_write(key, BYTES_LIT("a host"), passphrase, &rand_system, &text),
        ERR_NONE);
    if (passphrase.n != 0)
        assert_int_equal(parse_only(buf_bytes(&text), BYTES_LIT("wrong")), ERR_AUTH);
    assert_int_equal(parse(buf_bytes(&text), passphrase, &back, &comment), ERR_NONE);
    test_text_is(&comment, "a host");
    assert_true(
        bytes_eq(pubkey_blob(privkey_public(back)), pubkey_blob(privkey_public(key))));
    buf_clear(&comment);
    buf_clear(&text);
    privkey_free(back);
    privkey_free(key);
}

static void
what_is_written_is_read_back(void **state)
{
    (void)state;
    round_trip("ed25519", (struct bytes){0});
    round_trip("rsa", (struct bytes){0});
    round_trip("ecdsa521", (struct bytes){0});
    round_trip("rsa-PKCS8", (struct bytes){0});
    round_trip("ed25519", BYTES_LIT("a passphrase"));
}

static enum err
rand_broken(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx, (void)p, (void)n;
    return ERR_CRYPTO;
}

static void
nothing_is_written_without_randomness(void **state)
{
    (void)state;
    struct rand_source broken = {rand_broken, NULL};
    struct privkey *key = test_key("ed25519");
    struct buf text;
    buf_init(&text, PRIVATE_FILE_MAX);
    assert_int_equal(
        private_file_write(key, (struct bytes){0}, BYTES_LIT("x"), &broken, &text),
        ERR_CRYPTO);
    assert_int_equal(text.n, 0);
    buf_clear(&text);
    privkey_free(key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_form_and_cipher_is_read),
        cmocka_unit_test(public_half_is_that_of_the_pub_file),
        cmocka_unit_test(missing_passphrase_is_told_from_a_wrong_one),
        cmocka_unit_test(public_blob_of_an_encrypted_file_needs_no_passphrase),
        cmocka_unit_test(keys_too_weak_or_of_another_kind_are_refused),
        cmocka_unit_test(file_cut_at_any_octet_is_refused),
        cmocka_unit_test(image_cut_at_any_octet_is_refused),
        cmocka_unit_test(image_with_any_bit_flipped_is_refused_but_in_the_comment),
        cmocka_unit_test(hostile_frames_are_refused_before_any_work),
        cmocka_unit_test(section_must_end_in_counted_padding_and_match_its_public_key),
        cmocka_unit_test(security_key_is_told_apart_and_has_a_public_half),
        cmocka_unit_test(file_over_the_limit_is_refused_unread),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(nothing_is_written_without_randomness),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
