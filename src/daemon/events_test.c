/*
 * Events under a clock that the test turns: retries, limits of time and number,
 * orphaned intents (threats D1, F5).
 */
#include "base/base_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/events.h"
#include "daemon/events_intents.h"
#include "daemon/events_program.h"
#include "daemon/events_queue.h"

struct bench {
    char dir[64], program[96], ran[96], file[96];
    char *words[3];
    struct server_list programs[SERVER_EVENTS];
    struct events *e;
    uint64_t now;
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static char *
read_file(const char *path)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    return text;
}

/* The program's body; "RAN" in it stands for the file that it may write. */
static void
set_program(struct bench *b, const char *body)
{
    char script[512];
    snprintf(script, sizeof script, "#!/bin/sh\nRAN=%s\n%s\n", b->ran, body);
    write_file(b->program, script, 0700);
}

static void
open_events(struct bench *b)
{
    const struct events_config config = {
        .programs = b->programs,
        .user = geteuid() == 0 ? "root" : NULL,
        .timeout_s = 30,
        .state_dir = b->dir,
    };
    struct fault why = {0};
    if (events_new(&config, b->now, &b->e, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    events_tick(b->e, b->now);
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    strcpy(b->dir, "/tmp/ferry-events-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->program, sizeof b->program, "%s/program", b->dir);
    snprintf(b->ran, sizeof b->ran, "%s/ran", b->dir);
    snprintf(b->file, sizeof b->file, "%s/in.txt", b->dir);
    b->words[0] = b->program;
    b->words[1] = (char *)(uintptr_t) "two words; $HOME";
    for (int i = 0; i < SERVER_EVENTS; i++)
        b->programs[i] = (struct server_list){.item = b->words, .n = 2};
    b->now = 1000;
    set_program(b, "cat >>$RAN");
    open_events(b);
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];
    events_free(b->e);
    snprintf(command, sizeof command, "rm -rf %s", b->dir);
    int status = system(command);
    free(b);
    return status;
}

static struct record *
record_of(struct bench *b, enum record_kind kind)
{
    static struct record r;
    memset(&r, 0, sizeof r);
    r.kind = kind;
    r.connection = 7;
    strcpy(r.user, "alice");
    snprintf(r.root, sizeof r.root, "%s", b->dir);
    r.path_len = 7;
    memcpy(r.path, "/in.txt", 7);
    return &r;
}

static enum err
put(struct bench *b, const struct record *r)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    enum err err = events_put(b->e, r, now, b->now);
    events_tick(b->e, b->now);
    return err;
}

/* Until what runs has ended; in real time, at most 20 s. */
static void
settle(struct bench *b)
{
    for (int i = 0; i < 2000 && events_are_running(b->e); i++) {
        struct pollfd fds[EVENTS_RUNNING_MAX];
        size_t n = events_poll(b->e, fds);
        poll(fds, (nfds_t)n, 10);
        events_on_poll(b->e, fds, n);
        events_on_child(b->e, b->now);
    }
    assert_false(events_are_running(b->e));
}

static void
pass(struct bench *b, uint64_t ms)
{
    b->now += ms;
    events_tick(b->e, b->now);
}

static size_t
count_files(struct bench *b, const char *part)
{
    char command[160];
    unsigned n = 0;
    snprintf(command, sizeof command, "ls %s/events/%s | wc -l", b->dir, part);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_int_equal(fscanf(out, "%u", &n), 1);
    pclose(out);
    return n;
}

/* ---- running ---- */

static void
each_kind_runs_its_program_without_a_shell(void **state)
{
    struct bench *b = *state;
    static const enum record_kind kinds[] = {RECORD_UPLOAD,       RECORD_LOGIN,
                                             RECORD_LOGIN_FAILED, RECORD_REMOVE,
                                             RECORD_RENAME,       RECORD_QUOTA};
    static const char *const words[] = {"upload", "login",  "login-failed",
                                        "remove", "rename", "quota"};
    set_program(b, "{ cat; echo \"$1|$#|$FERRY_EVENT|$HOME|$(pwd)|$(umask)\"; } >>$RAN");
    setenv("HOME", "/nowhere", 1);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char wanted[128];
        assert_int_equal(put(b, record_of(b, kinds[i])), ERR_NONE);
        settle(b);
        snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", words[i]);
        assert_non_null(strstr(read_file(b->ran), wanted));
        snprintf(wanted, sizeof wanted, "two words; $HOME|1|%s||/|0077\n", words[i]);
        assert_non_null(strstr(read_file(b->ran), wanted));
    }
    assert_int_equal(put(b, record_of(b, RECORD_DOWNLOAD)), ERR_NONE);
    assert_false(events_are_running(b->e));
    assert_int_equal(count_files(b, "queue"), 0);
}

static void
program_gets_no_descriptor_but_its_three(void **state)
{
    struct bench *b = *state;
    set_program(b, "ls /proc/self/fd | tr '\\n' ' ' >>$RAN");
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    settle(b);
    /* 3: the directory that ls reads */
    assert_string_equal(read_file(b->ran), "0 1 2 3 ");
}

static void
failed_program_is_tried_again_and_then_given_up(void **state)
{
    struct bench *b = *state;
    static const uint64_t pauses[EVENTS_TRIES - 1] = {2000, 10000, 60000, 300000, 900000};
    set_program(b, "echo x >>$RAN; echo 'why \033[31m' >&2; exit 3");
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    for (size_t i = 0; i < EVENTS_TRIES; i++) {
        settle(b);
        assert_int_equal(strlen(read_file(b->ran)), 2 * (i + 1));
        if (i + 1 == EVENTS_TRIES)
            break;
        pass(b, pauses[i] - 1);
        assert_false(events_are_running(b->e));
        pass(b, 1);
    }
    pass(b, 24 * 3600 * 1000);
    assert_false(events_are_running(b->e));
    assert_int_equal(count_files(b, "queue"), 0);
    assert_int_equal(count_files(b, "failed"), 1);
}

static void
failed_program_that_recovers_is_run_to_success(void **state)
{
    struct bench *b = *state;
    set_program(b, "exit 1");
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    settle(b);
    set_program(b, "cat >>$RAN");
    pass(b, 2000);
    settle(b);
    assert_non_null(strstr(read_file(b->ran), "\"event\":\"upload\""));
    assert_int_equal(count_files(b, "queue"), 0);
}

static void
program_that_takes_too_long_is_ended_with_its_children(void **state)
{
    struct bench *b = *state;
    set_program(b, "trap '' TERM; sleep 1000 & echo $! >>$RAN; sleep 1000; sleep 1000");
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    for (int i = 0; i < 500 && !strchr(read_file(b->ran), '\n'); i++)
        poll(NULL, 0, 10);
    int child = (int)strtol(read_file(b->ran), NULL, 10);
    assert_true(child > 1);
    pass(b, 30000); /* TERM, which it ignores */
    events_on_child(b->e, b->now);
    pass(b, EVENT_TERM_MS); /* KILL */
    settle(b);
    int status = 0;
    for (int i = 0; i < 500 && (status = kill(child, 0)) == 0; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        if (strstr(read_file(path), ") Z ")) { /* its new parent has not looked yet */
            status = -1;
            break;
        }
        poll(NULL, 0, 10);
    }
    assert_int_equal(status, -1);
    assert_int_equal(count_files(b, "queue"), 1); /* to be tried again */
}

static void
at_most_four_run_at_a_time(void **state)
{
    struct bench *b = *state;
    set_program(b, "cat >>$RAN; sleep 0.2");
    for (int i = 0; i < 9; i++)
        assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    struct pollfd fds[EVENTS_RUNNING_MAX];
    assert_int_equal(events_poll(b->e, fds), EVENTS_RUNNING_MAX);
    for (int i = 0; i < 20 && count_files(b, "queue") != 0; i++)
        settle(b);
    size_t n = 0;
    for (const char *p = read_file(b->ran); (p = strstr(p, "\"event\":")) != NULL; p++)
        n++;
    assert_int_equal(n, 9);
}

/* A session that is owned cannot have programs look outside of its account's root. */
static void
place_of_a_path_with_dots_is_not_told(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *path;
        bool is_told;
    } rows[] = {{"/a/b", true},   {"/a..b/.c", true},  {"/a/", true},
                {"/../x", false}, {"/a/..", false},    {"/a/../x", false},
                {"/./x", false},  {"relative", false}, {"", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record *r = record_of(b, RECORD_UPLOAD);
        unlink(b->ran);
        r->path_len = (uint32_t)strlen(rows[i].path);
        memcpy(r->path, rows[i].path, r->path_len);
        assert_int_equal(put(b, r), ERR_NONE);
        settle(b);
        assert_non_null(strstr(read_file(b->ran), "\"root\":"));
        assert_int_equal(strstr(read_file(b->ran), "\"file\":") != NULL, rows[i].is_told);
    }
}

/* ---- across restarts ---- */

static void
what_was_not_run_is_run_by_the_next_recorder(void **state)
{
    struct bench *b = *state;
    events_retire(b->e);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    assert_false(events_are_running(b->e));
    assert_int_equal(count_files(b, "queue"), 3);
    events_free(b->e);
    open_events(b);
    assert_true(events_are_running(b->e));
    settle(b);
    assert_int_equal(count_files(b, "queue"), 0);
}

static void
only_one_recorder_runs_programs(void **state)
{
    struct bench *b = *state;
    struct events *first = b->e;
    open_events(b); /* the second, which has no lock */
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    assert_false(events_are_running(b->e));
    struct events *second = b->e;
    b->e = first;
    pass(b, EVENTS_SCAN_MS); /* finds what the second has stored */
    assert_true(events_are_running(first));
    settle(b);
    events_retire(first);
    b->e = second;
    pass(b, EVENTS_SCAN_MS); /* takes over */
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    assert_true(events_are_running(second));
    settle(b);
    events_free(first);
}

static void
event_without_a_program_now_is_kept_apart(void **state)
{
    struct bench *b = *state;
    events_retire(b->e);
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    events_free(b->e);
    b->programs[SERVER_EVENT_UPLOAD].n = 0;
    open_events(b);
    assert_false(events_are_running(b->e));
    assert_int_equal(count_files(b, "failed"), 1);
    /* And nothing of that kind is stored any more. */
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    assert_int_equal(count_files(b, "queue"), 0);
}

/* ---- intents ---- */

static struct record *
intent_of(struct bench *b, enum record_kind kind, const char *content)
{
    struct stat st;
    struct record *r = record_of(b, kind);
    write_file(b->file, content, 0600);
    assert_int_equal(stat(b->file, &st), 0);
    r->inode = st.st_ino;
    r->device = st.st_dev;
    r->size = (uint64_t)st.st_size;
    return r;
}

static void
completed_upload_uses_up_its_intent_and_its_id(void **state)
{
    struct bench *b = *state;
    struct record r = *intent_of(b, RECORD_UPLOAD_INTENT, "1234");
    assert_int_equal(put(b, &r), ERR_NONE);
    assert_false(events_are_running(b->e));
    assert_int_equal(count_files(b, "intents"), 1);
    r.kind = RECORD_UPLOAD;
    assert_int_equal(put(b, &r), ERR_NONE);
    settle(b);
    assert_int_equal(count_files(b, "intents"), 0);
    put(b, record_of(b, RECORD_LOGOUT));
    pass(b, INTENT_GIVE_UP_MS);
    assert_false(events_are_running(b->e));
}

static void
intents_fate_shows_when_its_session_is_over(void **state)
{
    struct bench *b = *state;
    static const struct {
        bool is_in_place;
        off_t grown; /* by somebody else */
        bool is_run;
    } rows[] = {{true, 0, true}, {false, 0, false}, {true, 1, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unlink(b->ran);
        struct record r = *intent_of(b, RECORD_UPLOAD_INTENT, "1234");
        assert_int_equal(put(b, &r), ERR_NONE);
        if (!rows[i].is_in_place)
            unlink(b->file);
        else
            assert_int_equal(truncate(b->file, 4 + rows[i].grown), 0);
        pass(b, INTENT_GIVE_UP_MS); /* as long as the session lives, nothing is judged */
        assert_false(events_are_running(b->e));
        assert_int_equal(put(b, record_of(b, RECORD_LOGOUT)), ERR_NONE);
        pass(b, INTENT_FIRST_LOOK_MS);
        settle(b);
        pass(b, INTENT_GIVE_UP_MS);
        settle(b);
        assert_int_equal(strstr(read_file(b->ran), "\"event\":\"upload\"") != NULL,
                         rows[i].is_run);
        assert_int_equal(count_files(b, "intents"), 0);
    }
}

static void
intent_of_another_account_is_not_looked_for_outside_its_root(void **state)
{
    struct bench *b = *state;
    char root[96], link_path[128];
    snprintf(root, sizeof root, "%s/root", b->dir);
    assert_int_equal(mkdir(root, 0700), 0);
    snprintf(link_path, sizeof link_path, "%s/in.txt", root);
    assert_int_equal(symlink("../in.txt", link_path), 0);
    struct record r = *intent_of(b, RECORD_UPLOAD_INTENT, "1234");
    snprintf(r.root, sizeof r.root, "%s", root);
    assert_int_equal(put(b, &r), ERR_NONE);
    put(b, record_of(b, RECORD_LOGOUT));
    pass(b, INTENT_GIVE_UP_MS);
    pass(b, INTENT_GIVE_UP_MS);
    assert_false(events_are_running(b->e));
    assert_int_equal(count_files(b, "queue"), 0);
}

static void
failed_upload_takes_its_intent_back(void **state)
{
    struct bench *b = *state;
    struct record r = *intent_of(b, RECORD_UPLOAD_INTENT, "1234");
    assert_int_equal(put(b, &r), ERR_NONE);
    r.kind = RECORD_UPLOAD_FAILED;
    assert_int_equal(put(b, &r), ERR_NONE);
    assert_int_equal(count_files(b, "intents"), 0);
}

static void
spool_without_room_refuses_uploads(void **state)
{
    struct bench *b = *state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s/events/queue %s/events/intents", b->dir,
             b->dir);
    assert_int_equal(system(command), 0); /* as good as a disk that is gone */
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_IO);
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD_INTENT)), ERR_IO);
}

/* Threats G1: nobody's logins or refused requests keep others' uploads from closing. */
static void
last_half_of_the_queue_is_for_uploads(void **state)
{
    struct bench *b = *state;
    events_retire(b->e); /* nothing is taken out */
    for (unsigned i = 0; i < SPOOL_OTHERS_MAX; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/events/queue/%016x-1-%x", b->dir, 1, i);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    pass(b, EVENTS_SCAN_MS);
    assert_int_equal(put(b, record_of(b, RECORD_LOGIN_FAILED)), ERR_LIMIT);
    assert_int_equal(put(b, record_of(b, RECORD_QUOTA)), ERR_LIMIT);
    assert_int_equal(put(b, record_of(b, RECORD_UPLOAD)), ERR_NONE);
    assert_int_equal(count_files(b, "queue"), SPOOL_OTHERS_MAX + 1);
}

/* ---- what may be configured ---- */

static void
programs_that_others_can_change_are_refused(void **state)
{
    struct bench *b = *state;
    struct fault why = {0};
    assert_int_equal(event_program_check(b->program, &why), ERR_NONE);
    assert_int_equal(chmod(b->program, 0722), 0);
    assert_int_equal(event_program_check(b->program, &why), ERR_AUTH);
    assert_int_equal(chmod(b->program, 0600), 0);
    why = (struct fault){0};
    assert_int_equal(event_program_check(b->program, &why), ERR_AUTH);
    why = (struct fault){0};
    assert_int_equal(event_program_check("program", &why), ERR_AUTH);
    why = (struct fault){0};
    assert_int_equal(event_program_check("/nonexistent/program", &why), ERR_IO);
}

static void
root_runs_programs_as_their_user_only(void **state)
{
    struct bench *b = *state;
    struct event_user user;
    struct fault why = {0};
    assert_int_equal(event_user_find("no-such-user-here", &user, &why), ERR_PROTO);
    if (geteuid() != 0) {
        why = (struct fault){0};
        assert_int_equal(event_user_find("root", &user, &why), ERR_PROTO);
        skip();
    }
    why = (struct fault){0};
    assert_int_equal(event_user_find(NULL, &user, &why), ERR_PROTO);
    assert_int_equal(event_user_find("nobody", &user, &why), ERR_NONE);
    struct event_run run;
    char *argv[] = {
        (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
        (char *)(uintptr_t) "grep -E '^(Uid|Gid|Groups)' /proc/self/status >&2; exit 5",
        NULL};
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC), status = 0;
    assert_int_equal(event_run_start(&run, argv, "login", input, &user, b->now),
                     ERR_NONE);
    for (int i = 0; i < 1000 && !event_run_reap(&run, &status); i++)
        poll(NULL, 0, 10);
    close(input);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "Uid:\t%u\t%u\t%u\t%u\n", user.uid, user.uid,
             user.uid, user.uid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    assert_non_null(memmem(run.printed, run.n_printed, wanted, strlen(wanted)));
}

static void
queue_is_bounded_and_in_order(void **state)
{
    (void)state;
    struct events_queue q = {0};
    uint64_t next;
    char name[SPOOL_NAME_MAX];
    for (unsigned i = 0; i < SPOOL_QUEUE_MAX; i++) {
        snprintf(name, sizeof name, "%08x", (i * 7919U) % 65536U + (i / 65536U) * 65536U);
        assert_int_equal(events_queue_add(&q, name), ERR_NONE);
        assert_int_equal(events_queue_add(&q, name), ERR_NONE); /* once is enough */
    }
    assert_int_equal(events_queue_add(&q, "ffffffff"), ERR_LIMIT);
    assert_int_equal(q.n, SPOOL_QUEUE_MAX);
    for (size_t i = 1; i < q.n; i++)
        assert_true(strcmp(q.items[i - 1]->name, q.items[i]->name) < 0);
    assert_string_equal(events_queue_due(&q, 0, &next)->name, "00000000");
    events_queue_remove(&q, q.items[0]);
    assert_int_equal(q.n, SPOOL_QUEUE_MAX - 1);
    events_queue_clear(&q);
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(each_kind_runs_its_program_without_a_shell),
        ON_BENCH(program_gets_no_descriptor_but_its_three),
        ON_BENCH(failed_program_is_tried_again_and_then_given_up),
        ON_BENCH(failed_program_that_recovers_is_run_to_success),
        ON_BENCH(program_that_takes_too_long_is_ended_with_its_children),
        ON_BENCH(at_most_four_run_at_a_time),
        ON_BENCH(place_of_a_path_with_dots_is_not_told),
        ON_BENCH(what_was_not_run_is_run_by_the_next_recorder),
        ON_BENCH(only_one_recorder_runs_programs),
        ON_BENCH(event_without_a_program_now_is_kept_apart),
        ON_BENCH(completed_upload_uses_up_its_intent_and_its_id),
        ON_BENCH(intents_fate_shows_when_its_session_is_over),
        ON_BENCH(intent_of_another_account_is_not_looked_for_outside_its_root),
        ON_BENCH(failed_upload_takes_its_intent_back),
        ON_BENCH(spool_without_room_refuses_uploads),
        ON_BENCH(last_half_of_the_queue_is_for_uploads),
        ON_BENCH(programs_that_others_can_change_are_refused),
        ON_BENCH(root_runs_programs_as_their_user_only),
        cmocka_unit_test(queue_is_bounded_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
