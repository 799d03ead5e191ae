/*
 * Jobs against a scripted server that lies: what it names, where files end, what it
 * acknowledges, in which order (threats L1, L5, L6, L10, D2, D5, D6).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/fake_server.h"
#include "transfer/part.h"
#include "transfer/reader.h"

enum {
    REG = S_IFREG | 0644,
    DIR_ = S_IFDIR | 0755,
    LNK = S_IFLNK | 0777,
    MTIME = 1000000
};

static struct fake fake;

/* A place of its own: "<tmp>/target" is where jobs write, "<tmp>/beside" must stay. */
static char top[64], target[80], beside[80];

static int
set_up(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/ferry-session-test.XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(target, sizeof target, "%s/target", top);
    snprintf(beside, sizeof beside, "%s/beside", top);
    assert_int_equal(mkdir(target, 0755), 0);
    assert_int_equal(mkdir(beside, 0755), 0);
    fake_init(&fake, NULL);
    fake.mtime = MTIME;
    return 0;
}

static void
remove_all(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char child[1024];
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR)
            remove_all(child);
        else
            unlink(child);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static int
tear_down(void **state)
{
    (void)state;
    fake_clear(&fake);
    remove_all(top);
    return 0;
}

static const char *
in_target(const char *name)
{
    static char path[4][512];
    static int i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", target, name);
    return p;
}

static size_t
count_names(const char *path)
{
    size_t n = 0;
    struct dirent *e;
    DIR *d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static uint64_t
size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : UINT64_MAX;
}

/* A local file whose octets are those of the fake's files. */
static void
make_file(const char *path, uint64_t size, time_t mtime)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (uint64_t i = 0; i < size; i++)
        putc(fake_octet(i), f);
    fclose(f);
    struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
check_file(const char *path, uint64_t size)
{
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is not there", path);
    for (uint64_t i = 0; i < size; i++)
        if (getc(f) != fake_octet(i))
            fail_msg("%s differs at %llu", path, (unsigned long long)i);
    assert_int_equal(getc(f), EOF);
    fclose(f);
}

static void
set_entries(const struct fake_entry *entries, size_t n)
{
    fake.entries = entries;
    fake.n_entries = n;
}

static bool
get(const char *remote, unsigned flags)
{
    struct transfer_spec spec = {
        .verb = TRANSFER_GET, .flags = flags, .path = bytes_str(remote), .local = target};
    return fake_job(&fake, &spec);
}

static bool
put(const char *local, const char *remote, unsigned flags)
{
    struct transfer_spec spec = {
        .verb = TRANSFER_PUT, .flags = flags, .path = bytes_str(remote), .local = local};
    return fake_job(&fake, &spec);
}

static bool
command(enum transfer_verb verb, const char *path, const char *path2, unsigned flags)
{
    struct transfer_spec spec = {
        .verb = verb, .flags = flags, .path = bytes_str(path), .path2 = bytes_str(path2)};
    return fake_job(&fake, &spec);
}

/* The part's path for a file of that size and MTIME. */
static const char *
part_path(const char *name, uint64_t size)
{
    struct buf b;
    buf_init(&b, 300);
    part_name(&b, bytes_str(name), size, MTIME);
    const char *path = in_target(buf_cstr(&b));
    buf_clear(&b);
    return path;
}

/* ---- receiving ---- */

static const struct fake_entry one_file[] = {{"f", 0, REG, 300000, false}};

static void
a_file_arrives_whole_under_its_name(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    assert_true(get("/dir/f", 0));
    check_file(in_target("f"), 300000);
    assert_int_equal(count_names(target), 1);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_int_equal(fake.totals.bytes_moved, 300000);
    assert_int_equal(fake.n_open, 0);
}

static void
an_empty_file_arrives(void **state)
{
    (void)state;
    static const struct fake_entry empty[] = {{"e", 0, REG, 0, false}};
    set_entries(empty, 1);
    assert_true(get("/dir/e", 0));
    assert_int_equal(size_of(in_target("e")), 0);
    assert_int_equal(fake.totals.files_done, 1);
}

static void
replies_in_reverse_order_make_the_same_file(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.reverses = true;
    assert_true(get("/dir/f", 0));
    check_file(in_target("f"), 300000);
}

static void
short_reads_are_asked_for_again(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.max_read = 4000;
    assert_true(get("/dir/f", 0));
    check_file(in_target("f"), 300000);
}

static void
a_file_that_ends_early_fails_and_leaves_nothing(void **state)
{
    (void)state;
    static const uint64_t ends[] = {1, 32767, 32768, 32769, 299999};
    set_entries(one_file, 1);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        fake.real_size = ends[i];
        fake.n_failures = 0;
        assert_true(get("/dir/f", 0));
        assert_int_equal(fake.n_failures, 1);
        assert_int_equal(fake.failures[0], TRANSFER_MISMATCH);
        assert_int_equal(fake.job_problem.kind, TRANSFER_MISMATCH);
        assert_int_equal(count_names(target), 0);
    }
}

static void
a_file_that_has_grown_is_read_to_its_end(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.real_size = 500000;
    assert_true(get("/dir/f", 0));
    check_file(in_target("f"), 500000);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
a_file_of_unknown_size_is_read_to_its_end(void **state)
{
    (void)state;
    static const struct fake_entry proc[] = {{"p", 0, REG, 0, false}};
    set_entries(proc, 1);
    fake.real_size = 100000;
    assert_true(get("/dir/p", 0));
    check_file(in_target("p"), 100000);
}

static void
times_and_modes_are_kept_but_never_setuid(void **state)
{
    (void)state;
    static const struct fake_entry setuid[] = {{"s", 0, S_IFREG | 06755, 10, false}};
    struct stat st;
    set_entries(setuid, 1);
    assert_true(get("/dir/s", TRANSFER_PRESERVE));
    assert_int_equal(stat(in_target("s"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_mtime, MTIME);
}

static void
a_failed_read_leaves_a_part_and_the_old_file(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(in_target("f"), 5, 1);
    fake.fail_type = SSH_FXP_READ;
    fake.fail_code = SSH_FX_PERMISSION_DENIED;
    assert_true(get("/dir/f", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_DENIED);
    check_file(in_target("f"), 5);
    assert_int_equal(count_names(target), 1);
    assert_int_equal(fake.n_open, 0);
}

static void
a_missing_file_is_not_found(void **state)
{
    (void)state;
    assert_true(get("/dir/nothing", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_NOT_FOUND);
    assert_int_equal(fake.job_problem.status, SSH_FX_NO_SUCH_FILE);
}

static void
a_directory_without_r_is_refused(void **state)
{
    (void)state;
    assert_true(get("/dir", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_REFUSED);
    assert_int_equal(count_names(target), 0);
}

/* ---- trees ---- */

static void
a_tree_arrives_with_everything_safe_in_it(void **state)
{
    (void)state;
    static const struct fake_entry entries[] = {
        {".", 0, DIR_, 0, false},
        {"..", 0, DIR_, 0, false},
        {"a", 0, REG, 10, false},
        {"sub", 0, DIR_, 0, false},
        {"b", 0, REG, 70000, false},
        {"bare", 0, REG, 33, true},
        {"pipe", 0, S_IFIFO | 0644, 0, false},
        {"link", 0, LNK, 3, false},
    };
    set_entries(entries, ARRAY_LEN(entries));
    assert_true(get("/dir", TRANSFER_RECURSIVE));
    check_file(in_target("dir/a"), 10);
    check_file(in_target("dir/b"), 70000);
    check_file(in_target("dir/bare"), 33);
    assert_int_equal(count_names(in_target("dir")), 4);
    assert_int_equal(fake.totals.skipped, 2);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_int_equal(fake.n_open, 0);
}

/* Threats L1: as files, as directories and as links. */
static const struct fake_entry hostile[] = {
    {"../beside/x", 0, REG, 5, false},
    {"../../x", 0, REG, 5, false},
    {"..", 0, REG, 5, false},
    {".", 0, REG, 5, false},
    {"", 0, REG, 5, false},
    {"/", 0, REG, 5, false},
    {"//", 0, REG, 5, false},
    {"/tmp/ferry-hostile", 0, REG, 5, false},
    {"a/b", 0, REG, 5, false},
    {"a/../../beside/x", 0, REG, 5, false},
    {"./x", 0, REG, 5, false},
    {"x/", 0, REG, 5, false},
    {"x\0y", 3, REG, 5, false},
    {"\0", 1, REG, 5, false},
    {"..\0", 3, REG, 5, false},
    {"../beside", 0, DIR_, 0, false},
    {"..", 0, DIR_, 0, false},
    {"/", 0, DIR_, 0, false},
    {"", 0, DIR_, 0, false},
    {"d/../..", 0, DIR_, 0, false},
    {"../beside/l", 0, LNK, 5, false},
    {"/l", 0, LNK, 5, false},
    {"..", 0, LNK, 5, false},
    {"~/x", 0, REG, 5, false},
    {"-rf", 0, REG, 5, false},
    {"a b\n", 0, REG, 5, false},
    {"\x1b[31m", 0, REG, 5, false},
    {"$(touch x)", 0, REG, 5, false},
    {"...", 0, REG, 5, false},
    {"..\\..\\x", 0, REG, 5, false},
    {"C:x", 0, REG, 5, false},
};

static void
thirty_hostile_names_lead_nowhere(void **state)
{
    (void)state;
    set_entries(hostile, ARRAY_LEN(hostile));
    fake.link_target = "../../beside";
    assert_true(get("/dir", TRANSFER_RECURSIVE | TRANSFER_LINKS | TRANSFER_PRESERVE));
    assert_int_equal(count_names(top), 2);
    assert_int_equal(count_names(beside), 0);
    assert_int_equal(count_names(target), 1);
    assert_int_equal(count_names(in_target("dir")), 7); /* the odd but safe ones */
    assert_int_not_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_int_equal(access("/tmp/ferry-hostile", F_OK), -1);
}

static void
what_is_said_about_hostile_names_is_escaped(void **state)
{
    (void)state;
    static const struct fake_entry entries[] = {{"/\x1b]0;x\x07\n", 0, REG, 5, false}};
    set_entries(entries, 1);
    assert_true(get("/dir", TRANSFER_RECURSIVE));
    assert_int_equal(fake.n_failures, 1);
    for (const char *p = fake.texts[0]; *p; p++)
        assert_true(*p >= 0x20 && *p < 0x7f);
}

static void
endless_directories_stop_at_64(void **state)
{
    (void)state;
    static const struct fake_entry entries[] = {{"d", 0, DIR_, 0, false}};
    set_entries(entries, 1);
    fake.every_dir_lists = true;
    assert_true(get("/dir", TRANSFER_RECURSIVE));
    assert_int_equal(fake.job_problem.kind, TRANSFER_REFUSED);
    assert_int_equal(fake.n_requests[SSH_FXP_OPENDIR], 65);
}

static void
a_local_link_in_the_way_is_not_followed(void **state)
{
    (void)state;
    static const struct fake_entry entries[] = {{"sub", 0, DIR_, 0, false},
                                                {"f", 0, REG, 5, false}};
    set_entries(entries, 2);
    fake.every_dir_lists = false;
    assert_int_equal(mkdir(in_target("dir"), 0755), 0);
    assert_int_equal(symlink(beside, in_target("dir/sub")), 0);
    assert_int_equal(symlink("../../beside/x", in_target("dir/f")), 0);
    assert_true(get("/dir", TRANSFER_RECURSIVE));
    assert_int_equal(count_names(beside), 0);
    check_file(in_target("dir/f"), 5); /* the link was replaced */
    assert_int_not_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
links_are_made_on_request_and_only_inside(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_made;
    } cases[] = {
        {"f", true},
        {"sub/f", true},
        {"./f", true},
        {"..", false},
        {"../f", false},
        {"/etc/passwd", false},
        {"sub/../../x", false},
        {"sub/..", false},
        {"", false},
    };
    static const struct fake_entry entries[] = {{"l", 0, LNK, 1, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stat st;
        set_entries(entries, 1);
        fake.link_target = cases[i].text;
        assert_true(get("/dir", TRANSFER_RECURSIVE | TRANSFER_LINKS));
        bool is_there = lstat(in_target("dir/l"), &st) == 0;
        if (is_there != cases[i].is_made)
            fail_msg("\"%s\": made %d", cases[i].text, is_there);
        unlink(in_target("dir/l"));
    }
}

static struct fake_entry crowd[300];
static char crowd_names[300][8];

static void
set_crowd(uint64_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        snprintf(crowd_names[i], sizeof crowd_names[i], "f%03zu", i);
        crowd[i] = (struct fake_entry){crowd_names[i], 0, REG, size, false};
    }
    set_entries(crowd, ARRAY_LEN(crowd));
}

static void
many_files_are_in_flight_at_once(void **state)
{
    (void)state;
    set_crowd(100);
    assert_true(get("/dir", TRANSFER_RECURSIVE));
    assert_int_equal(fake.totals.files_done, ARRAY_LEN(crowd));
    assert_true(fake.most_open >= 60);
    assert_true(fake.most_open <= 64 + 1);
    assert_int_equal(fake.n_requests[SSH_FXP_FSTAT], 0);
    assert_int_equal(fake.n_requests[SSH_FXP_READ], ARRAY_LEN(crowd));
    assert_int_equal(fake.n_open, 0);
}

static void
files_open_at_once_can_be_bounded(void **state)
{
    (void)state;
    struct transfer_config config = {.files_max = 3};
    fake_clear(&fake);
    fake_init(&fake, &config);
    set_crowd(100);
    assert_true(get("/dir", TRANSFER_RECURSIVE));
    assert_int_equal(fake.totals.files_done, ARRAY_LEN(crowd));
    assert_true(fake.most_open <= 3 + 1);
}

static void
one_request_at_a_time_still_gets_there(void **state)
{
    (void)state;
    struct transfer_config config = {.requests_max = 1, .chunk_max = 1000};
    fake_clear(&fake);
    fake_init(&fake, &config);
    set_entries(one_file, 1);
    assert_true(get("/dir/f", 0));
    check_file(in_target("f"), 300000);
    assert_int_equal(fake.n_requests[SSH_FXP_READ], 301);
}

/* ---- resume ---- */

static void
a_part_of_this_version_is_continued(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(part_path("f", 300000), 200000, MTIME);
    assert_true(get("/dir/f", TRANSFER_RESUME));
    check_file(in_target("f"), 300000);
    assert_int_equal(fake.start_done, 200000);
    assert_int_equal(fake.totals.bytes_moved, 100000);
    assert_int_equal(fake.least_read_at, 200000 - PART_TAIL_LEN);
    assert_int_equal(count_names(target), 1);
}

static void
a_part_whose_tail_differs_is_received_anew(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(part_path("f", 300000), 200000, MTIME);
    FILE *f = fopen(part_path("f", 300000), "r+");
    assert_non_null(f);
    fseek(f, 199000, SEEK_SET);
    putc(fake_octet(199000) ^ 1, f);
    fclose(f);
    struct timespec times[2] = {{.tv_sec = MTIME}, {.tv_sec = MTIME}};
    assert_int_equal(utimensat(AT_FDCWD, part_path("f", 300000), times, 0), 0);
    assert_true(get("/dir/f", TRANSFER_RESUME));
    check_file(in_target("f"), 300000);
    assert_int_equal(fake.totals.bytes_moved, 300000);
}

static void
a_part_of_another_version_is_not_touched(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(part_path("f", 300000), 200000, MTIME);
    fake.mtime = MTIME + 1; /* the source changed between the halves */
    assert_true(get("/dir/f", TRANSFER_RESUME));
    check_file(in_target("f"), 300000);
    assert_int_equal(fake.totals.bytes_moved, 300000);
    assert_int_equal(count_names(target), 2);
}

static void
a_part_that_a_crash_cut_off_is_taken_up_before_its_gaps(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(part_path("f", 300000), 200000, MTIME + 5000);
    assert_true(get("/dir/f", TRANSFER_RESUME));
    check_file(in_target("f"), 300000);
    assert_int_equal(fake.totals.bytes_moved, 300000); /* all within READER_SPAN */
}

static void
a_whole_file_is_not_received_again(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(in_target("f"), 300000, MTIME);
    assert_true(get("/dir/f", TRANSFER_RESUME));
    assert_int_equal(fake.totals.bytes_moved, 0);
    assert_int_equal(fake.totals.files_done, 1);
    check_file(in_target("f"), 300000);
}

static void
a_whole_file_that_differs_is_received_anew(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    make_file(in_target("f"), 300000, MTIME);
    FILE *f = fopen(in_target("f"), "r+");
    assert_non_null(f);
    fseek(f, -1, SEEK_END);
    putc('x', f);
    fclose(f);
    assert_true(get("/dir/f", TRANSFER_RESUME));
    assert_int_equal(fake.totals.bytes_moved, 300000);
    check_file(in_target("f"), 300000);
    assert_int_equal(count_names(target), 1);
}

static void
a_cancelled_get_leaves_a_part_that_resumes(void **state)
{
    (void)state;
    static const struct fake_entry big[] = {{"big", 0, REG, 9 << 20, false}};
    uint32_t job;
    struct transfer_spec spec = {
        .verb = TRANSFER_GET, .path = BYTES_LIT("/dir/big"), .local = target};
    set_entries(big, 1);
    assert_int_equal(transfer_add(fake.t, &spec, &job), ERR_NONE);
    for (int i = 0; i < 5; i++)
        fake_turn(&fake);
    transfer_cancel(fake.t, job);
    assert_true(fake_run(&fake));
    assert_int_equal(fake.job_problem.kind, TRANSFER_CANCELLED);
    assert_int_equal(fake.n_open, 0);
    uint64_t kept = size_of(part_path("big", 9 << 20));
    assert_true(kept > 0 && kept < 9 << 20);
    assert_true(get("/dir/big", TRANSFER_RESUME));
    check_file(in_target("big"), 9 << 20);
    assert_int_equal(fake.start_done, kept);
}

static void
a_lost_connection_leaves_a_part_that_resumes(void **state)
{
    (void)state;
    static const struct fake_entry big[] = {{"big", 0, REG, 9 << 20, false}};
    uint32_t job;
    struct transfer_spec spec = {
        .verb = TRANSFER_GET, .path = BYTES_LIT("/dir/big"), .local = target};
    set_entries(big, 1);
    assert_int_equal(transfer_add(fake.t, &spec, &job), ERR_NONE);
    for (int i = 0; i < 5; i++)
        fake_turn(&fake);
    transfer_end(fake.t, NULL);
    assert_true(transfer_is_idle(fake.t));
    assert_int_equal(fake.job_problem.kind, TRANSFER_LOST);
    assert_int_equal(fake.n_events[TRANSFER_EV_FAILED], 1);
    uint64_t kept = size_of(part_path("big", 9 << 20));
    assert_true(kept > 0 && kept < 9 << 20);
    fake_clear(&fake);
    fake_init(&fake, NULL);
    fake.mtime = MTIME;
    set_entries(big, 1);
    assert_true(get("/dir/big", TRANSFER_RESUME));
    check_file(in_target("big"), 9 << 20);
    assert_int_equal(fake.start_done, kept);
}

static void
a_server_that_falls_silent_ends_the_session_in_time(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.silent_type = SSH_FXP_READ;
    assert_false(get("/dir/f", 0));
    uint64_t deadline = transfer_deadline(fake.t);
    assert_true(deadline != UINT64_MAX);
    assert_int_equal(transfer_run(fake.t, deadline), ERR_CLOSED);
    assert_true(transfer_is_idle(fake.t));
    assert_int_equal(fake.job_problem.kind, TRANSFER_LOST);
}

/* ---- sending ---- */

static void
a_file_is_sent_under_another_name_and_renamed(void **state)
{
    (void)state;
    make_file(in_target("src"), 300000, MTIME);
    assert_true(put(in_target("src"), "/dir", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_int_equal(fake.written, 300000);
    assert_string_equal(fake.last_rename_to, "/dir/src");
    assert_non_null(strstr(fake.last_open, "/dir/.src."));
    assert_non_null(strstr(fake.last_open, ".ferry-part"));
    assert_int_equal(fake.n_open, 0);
}

static void
in_place_writes_under_the_final_name(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    assert_true(put(in_target("src"), "/dir/dst", TRANSFER_INPLACE));
    assert_string_equal(fake.last_open, "/dir/dst");
    assert_int_equal(fake.n_requests[SSH_FXP_RENAME], 0);
}

static void
a_taken_part_name_is_replaced_by_another(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    fake.refuses_excl = true;
    assert_true(put(in_target("src"), "/dir/dst", 0));
    assert_int_equal(fake.n_requests[SSH_FXP_OPEN], 2);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
one_failed_write_among_1000_fails_the_file(void **state)
{
    (void)state;
    static const unsigned which[] = {1, 500, 1000};
    struct transfer_config config = {.chunk_max = 1000};
    for (size_t i = 0; i < ARRAY_LEN(which); i++) {
        fake_clear(&fake);
        fake_init(&fake, &config);
        make_file(in_target("src"), 1000 * 1000, MTIME);
        fake.fail_write = which[i];
        fake.fail_write_code = SSH_FX_FAILURE;
        fake.reverses = i == 1; /* later successes come first */
        assert_true(put(in_target("src"), "/dir/dst", 0));
        assert_int_equal(fake.job_problem.kind, TRANSFER_FAILED);
        assert_int_equal(fake.n_requests[SSH_FXP_RENAME], 0);
        assert_int_equal(fake.totals.files_failed, 1);
        assert_int_equal(fake.n_open, 0);
        char at[40];
        snprintf(at, sizeof at, "octet %u ", (which[i] - 1) * 1000);
        assert_non_null(strstr(fake.texts[0], at));
    }
}

static void
a_size_that_differs_at_the_end_fails_the_file(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    fake.size_error = -1;
    assert_true(put(in_target("src"), "/dir/dst", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_MISMATCH);
    assert_int_equal(fake.n_requests[SSH_FXP_RENAME], 0);
    assert_int_equal(fake.n_requests[SSH_FXP_REMOVE], 1); /* the part */
}

static void
a_failed_close_fails_the_file(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    fake.fail_type = SSH_FXP_CLOSE;
    fake.fail_code = SSH_FX_FAILURE;
    assert_true(put(in_target("src"), "/dir/dst", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_FAILED);
    assert_int_equal(fake.n_requests[SSH_FXP_RENAME], 0);
}

static void
refused_times_are_a_warning(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    fake.fail_type = SSH_FXP_FSETSTAT;
    fake.fail_code = SSH_FX_OP_UNSUPPORTED;
    assert_true(put(in_target("src"), "/dir/dst", TRANSFER_PRESERVE));
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_int_equal(fake.totals.warnings, 1);
    assert_int_equal(fake.totals.files_done, 1);
}

static void
posix_rename_is_used_when_announced(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    fake.extensions = "posix-rename@openssh.com=1";
    assert_true(put(in_target("src"), "/dir/dst", 0));
    assert_int_equal(fake.n_requests[SSH_FXP_EXTENDED], 1);
    assert_int_equal(fake.n_requests[SSH_FXP_RENAME], 0);
    assert_string_equal(fake.last_rename_to, "/dir/dst");
}

static void
rename_that_will_not_replace_removes_first(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    fake.fail_type = SSH_FXP_RENAME;
    fake.fail_code = SSH_FX_FAILURE;
    assert_true(put(in_target("src"), "/dir/dst", 0));
    assert_int_equal(fake.n_requests[SSH_FXP_RENAME], 2);
    assert_true(fake.n_requests[SSH_FXP_REMOVE] >= 1);
    assert_int_equal(fake.job_problem.kind, TRANSFER_FAILED);
}

static void
a_forbidden_rename_removes_nothing(void **state)
{
    (void)state;
    static const uint32_t codes[] = {SSH_FX_PERMISSION_DENIED, SSH_FX_OP_UNSUPPORTED,
                                     SSH_FX_NO_SUCH_FILE};
    make_file(in_target("src"), 1000, MTIME);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        fake.fail_type = SSH_FXP_RENAME;
        fake.fail_code = codes[i];
        assert_true(put(in_target("src"), "/dir/dst", 0));
        assert_int_equal(fake.job_problem.status, codes[i]);
        assert_int_equal(fake.n_requests[SSH_FXP_REMOVE], 0);
    }
}

static void
others_go_on_when_one_file_fails(void **state)
{
    (void)state;
    char path[32];
    assert_int_equal(mkdir(in_target("many"), 0755), 0);
    for (int i = 0; i < 50; i++) {
        snprintf(path, sizeof path, "many/f%02d", i);
        make_file(in_target(path), 2000, MTIME);
    }
    fake.fail_write = 20;
    fake.fail_write_code = SSH_FX_FAILURE;
    assert_true(put(in_target("many"), "/dir", TRANSFER_RECURSIVE));
    assert_int_equal(fake.totals.files_done, 49);
    assert_int_equal(fake.totals.files_failed, 1);
    assert_int_equal(fake.job_problem.kind, TRANSFER_FAILED);
    assert_int_equal(fake.n_open, 0);
}

static void
a_source_that_changes_meanwhile_is_a_warning(void **state)
{
    uint32_t job;
    struct transfer_config config = {.in_flight_max = 1000};
    struct transfer_spec spec = {
        .verb = TRANSFER_PUT, .path = BYTES_LIT("/dir/dst"), .local = in_target("src")};
    (void)state;
    fake_clear(&fake);
    fake_init(&fake, &config);
    make_file(in_target("src"), 100000, MTIME);
    assert_int_equal(transfer_add(fake.t, &spec, &job), ERR_NONE);
    while (fake.written == 0)
        fake_turn(&fake);
    make_file(in_target("src"), 100000, MTIME + 1);
    assert_true(fake_run(&fake));
    assert_int_equal(fake.totals.warnings, 1);
    assert_int_equal(fake.totals.files_done, 1);
}

static void
fsync_that_is_not_offered_is_a_warning(void **state)
{
    (void)state;
    make_file(in_target("src"), 1000, MTIME);
    assert_true(put(in_target("src"), "/dir/dst", TRANSFER_FSYNC));
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_int_equal(fake.totals.warnings, 1);
}

static void
a_missing_source_is_not_found(void **state)
{
    (void)state;
    assert_true(put(in_target("nothing"), "/dir", 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_NOT_FOUND);
}

/* ---- commands ---- */

static void
cat_gives_the_octets_in_order(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.reverses = true;
    assert_true(command(TRANSFER_CAT, "/dir/f", NULL, 0));
    assert_int_equal(fake.data.n, 300000);
    for (size_t i = 0; i < fake.data.n; i++)
        if (fake.data.p[i] != fake_octet(i))
            fail_msg("differs at %zu", i);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
list_tells_every_entry(void **state)
{
    (void)state;
    set_crowd(5);
    assert_true(command(TRANSFER_LIST, "/dir", NULL, 0));
    assert_int_equal(fake.n_events[TRANSFER_EV_ENTRY], ARRAY_LEN(crowd));
    assert_int_equal(fake.n_events[TRANSFER_EV_LISTED], 1);
    assert_int_equal(fake.n_open, 0);
}

static void
list_of_a_file_tells_the_file(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.fail_type = SSH_FXP_OPENDIR;
    fake.fail_code = SSH_FX_FAILURE;
    assert_true(command(TRANSFER_LIST, "/dir/f", NULL, 0));
    assert_int_equal(fake.n_events[TRANSFER_EV_ENTRY], 1);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
a_tree_is_removed_leaves_first(void **state)
{
    (void)state;
    set_crowd(5);
    assert_true(command(TRANSFER_REMOVE, "/dir", NULL, TRANSFER_RECURSIVE));
    assert_int_equal(fake.n_requests[SSH_FXP_REMOVE], ARRAY_LEN(crowd));
    assert_int_equal(fake.n_requests[SSH_FXP_RMDIR], 1);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
a_tree_in_which_something_stays_is_not_removed(void **state)
{
    (void)state;
    set_crowd(5);
    fake.fail_type = SSH_FXP_REMOVE;
    fake.fail_code = SSH_FX_PERMISSION_DENIED;
    assert_true(command(TRANSFER_REMOVE, "/dir", NULL, TRANSFER_RECURSIVE));
    assert_int_equal(fake.n_requests[SSH_FXP_RMDIR], 0);
    assert_int_equal(fake.job_problem.kind, TRANSFER_DENIED);
}

static void
mkdir_with_parents_tries_each_part(void **state)
{
    (void)state;
    assert_true(command(TRANSFER_MKDIR, "/a//b/c", NULL, TRANSFER_PARENTS));
    assert_int_equal(fake.n_requests[SSH_FXP_MKDIR], 3);
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
}

static void
mkdir_with_parents_takes_an_existing_directory(void **state)
{
    (void)state;
    fake.fail_type = SSH_FXP_MKDIR;
    fake.fail_code = SSH_FX_FAILURE;
    assert_true(command(TRANSFER_MKDIR, "/dir", NULL, TRANSFER_PARENTS));
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_true(command(TRANSFER_MKDIR, "/dir", NULL, 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_FAILED);
}

static void
a_home_is_expanded_by_the_server_or_cut_off(void **state)
{
    (void)state;
    set_entries(one_file, 1);
    fake.extensions = "expand-path@openssh.com=1";
    assert_true(command(TRANSFER_LSTAT, "~/f", NULL, 0));
    assert_int_equal(fake.n_requests[SSH_FXP_EXTENDED], 1);
    fake_clear(&fake);
    fake_init(&fake, NULL);
    set_entries(one_file, 1);
    assert_true(command(TRANSFER_LSTAT, "~/f", NULL, 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    assert_true(command(TRANSFER_LSTAT, "~other/f", NULL, 0));
    assert_int_equal(fake.job_problem.kind, TRANSFER_UNSUPPORTED);
}

static void
what_the_server_does_not_offer_is_unsupported(void **state)
{
    (void)state;
    static const enum transfer_verb verbs[] = {TRANSFER_STATVFS, TRANSFER_LINK};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        assert_true(command(verbs[i], "/dir", "/x", 0));
        assert_int_equal(fake.job_problem.kind, TRANSFER_UNSUPPORTED);
    }
}

static void
jobs_queue_up_and_all_finish(void **state)
{
    (void)state;
    uint32_t job;
    struct transfer_spec spec = {.verb = TRANSFER_RMDIR, .path = BYTES_LIT("/x")};
    for (int i = 0; i < 500; i++)
        assert_int_equal(transfer_add(fake.t, &spec, &job), ERR_NONE);
    assert_true(fake_run(&fake));
    assert_int_equal(fake.n_events[TRANSFER_EV_JOB_DONE], 500);
    assert_int_equal(fake.n_requests[SSH_FXP_RMDIR], 500);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_file_arrives_whole_under_its_name),
        T(an_empty_file_arrives),
        T(replies_in_reverse_order_make_the_same_file),
        T(short_reads_are_asked_for_again),
        T(a_file_that_ends_early_fails_and_leaves_nothing),
        T(a_file_that_has_grown_is_read_to_its_end),
        T(a_file_of_unknown_size_is_read_to_its_end),
        T(times_and_modes_are_kept_but_never_setuid),
        T(a_failed_read_leaves_a_part_and_the_old_file),
        T(a_missing_file_is_not_found),
        T(a_directory_without_r_is_refused),
        T(a_tree_arrives_with_everything_safe_in_it),
        T(thirty_hostile_names_lead_nowhere),
        T(what_is_said_about_hostile_names_is_escaped),
        T(endless_directories_stop_at_64),
        T(a_local_link_in_the_way_is_not_followed),
        T(links_are_made_on_request_and_only_inside),
        T(many_files_are_in_flight_at_once),
        T(files_open_at_once_can_be_bounded),
        T(one_request_at_a_time_still_gets_there),
        T(a_part_of_this_version_is_continued),
        T(a_part_whose_tail_differs_is_received_anew),
        T(a_part_of_another_version_is_not_touched),
        T(a_part_that_a_crash_cut_off_is_taken_up_before_its_gaps),
        T(a_whole_file_is_not_received_again),
        T(a_whole_file_that_differs_is_received_anew),
        T(a_cancelled_get_leaves_a_part_that_resumes),
        T(a_lost_connection_leaves_a_part_that_resumes),
        T(a_server_that_falls_silent_ends_the_session_in_time),
        T(a_file_is_sent_under_another_name_and_renamed),
        T(in_place_writes_under_the_final_name),
        T(a_taken_part_name_is_replaced_by_another),
        T(one_failed_write_among_1000_fails_the_file),
        T(a_size_that_differs_at_the_end_fails_the_file),
        T(a_failed_close_fails_the_file),
        T(refused_times_are_a_warning),
        T(posix_rename_is_used_when_announced),
        T(rename_that_will_not_replace_removes_first),
        T(a_forbidden_rename_removes_nothing),
        T(others_go_on_when_one_file_fails),
        T(a_source_that_changes_meanwhile_is_a_warning),
        T(fsync_that_is_not_offered_is_a_warning),
        T(a_missing_source_is_not_found),
        T(cat_gives_the_octets_in_order),
        T(list_tells_every_entry),
        T(list_of_a_file_tells_the_file),
        T(a_tree_is_removed_leaves_first),
        T(a_tree_in_which_something_stays_is_not_removed),
        T(mkdir_with_parents_tries_each_part),
        T(mkdir_with_parents_takes_an_existing_directory),
        T(a_home_is_expanded_by_the_server_or_cut_off),
        T(what_the_server_does_not_offer_is_unsupported),
        T(jobs_queue_up_and_all_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
