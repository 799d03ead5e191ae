/*
 * Jobs against real sftp-server programs over pipes: argv[1..] name them. A tree
 * goes up and comes back, a part is continued in both directions, and what is
 * preserved is compared. A program that is not there is passed over, saying so.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipe_link.h"

enum { MANY = 600, BIG = 40 << 20, LIMIT_MS = 60 * 1000 };

struct place {
    struct pipe_link link;
    struct transfer *t;
    char top[64];
    struct transfer_problem problem; /* the last job's */
    char text[400];
    struct transfer_totals totals;
    uint64_t start_done;
    uint64_t stop_at; /* cancel all once so much is done; 0: never */
};

static const char *server;
static struct place place;

static void
on_event(void *ctx, const struct transfer_event *ev)
{
    struct place *p = ctx;
    if (ev->type == TRANSFER_EV_FILE_START)
        p->start_done = ev->done;
    if (ev->type != TRANSFER_EV_JOB_DONE)
        return;
    p->problem = ev->problem;
    p->totals = *ev->totals;
    snprintf(p->text, sizeof p->text, "%s", ev->problem.text);
}

static enum err
fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x11, n);
    return ERR_NONE;
}

static void
session_start(void)
{
    static const struct rand_source rand = {fill, NULL};
    const char *argv[] = {server, NULL};
    pipe_link_open(&place.link, argv);
    struct transfer_config config = {
        .out = &place.link.stream, .rand = &rand, .sink = {on_event, &place}};
    assert_int_equal(transfer_new(&config, pipe_now(), &place.t), ERR_NONE);
}

static void
session_end(void)
{
    transfer_free(place.t);
    pipe_link_close(&place.link);
}

static int
set_up(void **state)
{
    (void)state;
    place = (struct place){0};
    snprintf(place.top, sizeof place.top, "/tmp/ferry-pipe-test.XXXXXX");
    assert_non_null(mkdtemp(place.top));
    session_start();
    return 0;
}

static int
tear_down(void **state)
{
    char command[100];
    (void)state;
    session_end();
    snprintf(command, sizeof command, "rm -rf '%s'", place.top);
    return system(command);
}

static const char *
path(const char *name)
{
    static char paths[8][200];
    static int i;
    char *p = paths[i++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", place.top, name);
    return p;
}

/* In the test's directory; must succeed. */
static void
shell(const char *command)
{
    char line[1000];
    snprintf(line, sizeof line, "cd '%s' && %s", place.top, command);
    if (system(line) != 0)
        fail_msg("%s", line);
}

static enum transfer_failure
job(enum transfer_verb verb, const char *remote, const char *local, unsigned flags)
{
    uint32_t id;
    struct transfer_spec spec = {
        .verb = verb, .flags = flags, .path = bytes_str(remote), .local = local};
    assert_int_equal(transfer_add(place.t, &spec, &id), ERR_NONE);
    uint64_t end = pipe_now() + LIMIT_MS;
    while (!transfer_is_idle(place.t)) {
        assert_true(pipe_now() < end);
        pipe_turn(&place.link, place.t, 100);
        if (place.stop_at != 0 && transfer_totals(place.t)->bytes_done >= place.stop_at)
            transfer_cancel_all(place.t);
    }
    return place.problem.kind;
}

static void
must(enum transfer_verb verb, const char *remote, const char *local, unsigned flags)
{
    if (job(verb, remote, local, flags) != TRANSFER_OK)
        fail_msg("%s", place.text);
}

static void
make_tree(void)
{
    char name[40];
    shell("mkdir -p src/sub/deep src/empty");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "src/%s/f%d", i % 3 ? "sub" : "sub/deep", i);
        FILE *f = fopen(path(name), "w");
        assert_non_null(f);
        for (int j = 0; j < i * 37; j++)
            putc((i + j) & 0xff, f);
        fclose(f);
    }
    shell("chmod 640 src/sub/f1 && touch -d '2001-02-03 04:05:06' src/sub/f1 src/empty");
}

static void
make_big(const char *name)
{
    char command[200];
    snprintf(command, sizeof command, "head -c %d /dev/urandom > '%s'", BIG, name);
    shell(command);
}

static void
a_tree_goes_up_and_comes_back(void **state)
{
    unsigned flags = TRANSFER_RECURSIVE | TRANSFER_PRESERVE;
    (void)state;
    make_tree();
    must(TRANSFER_PUT, path("up"), path("src"), flags);
    shell("diff -r src up");
    must(TRANSFER_GET, path("up"), path("down"), flags);
    shell("diff -r src down");
    assert_int_equal(place.totals.files_done, MANY);
    shell("[ \"$(stat -c '%Y %a' src/sub/f1 src/empty)\" = "
          "\"$(stat -c '%Y %a' up/sub/f1 up/empty)\" ]");
    shell("[ \"$(stat -c '%Y %a' src/sub/f1 src/empty)\" = "
          "\"$(stat -c '%Y %a' down/sub/f1 down/empty)\" ]");
    shell("! find . -name '*.ferry-part' | grep .");
}

static void
a_tree_that_is_there_is_replaced_file_by_file(void **state)
{
    (void)state;
    make_tree();
    shell("cp -r src up && echo other > up/sub/f1 && echo more > up/sub/more");
    must(TRANSFER_PUT, place.top, path("src"), TRANSFER_RECURSIVE);
    shell("[ -d src ]");
    must(TRANSFER_PUT, path("up"), path("src"), TRANSFER_RECURSIVE);
    shell("diff -r src up/src");
}

static void
a_big_file_goes_up_and_comes_back(void **state)
{
    (void)state;
    make_big("big");
    must(TRANSFER_PUT, path("up"), path("big"), TRANSFER_FSYNC);
    must(TRANSFER_GET, path("up"), path("down"), TRANSFER_FSYNC);
    shell("cmp big up && cmp big down");
}

static void
a_round_trip_of_20_ms_changes_nothing(void **state)
{
    (void)state;
    make_tree();
    place.link.delay_ms = 20;
    must(TRANSFER_PUT, path("up"), path("src"), TRANSFER_RECURSIVE);
    must(TRANSFER_GET, path("up"), path("down"), TRANSFER_RECURSIVE);
    shell("diff -r src up && diff -r src down");
}

static void
a_stopped_put_is_continued(void **state)
{
    (void)state;
    make_big("big");
    place.stop_at = BIG / 4;
    assert_int_equal(job(TRANSFER_PUT, path("up"), path("big"), 0), TRANSFER_CANCELLED);
    shell("[ ! -e up ] && ls -A | grep -q 'ferry-part'");
    place.stop_at = 0;
    must(TRANSFER_PUT, path("up"), path("big"), TRANSFER_RESUME);
    shell("cmp big up");
    assert_true(place.start_done >= BIG / 4);
    assert_int_equal(place.totals.bytes_moved, BIG - place.start_done);
    shell("! ls -A | grep 'ferry-part'");
}

static void
a_stopped_get_is_continued(void **state)
{
    (void)state;
    make_big("big");
    place.stop_at = BIG / 4;
    place.link.delay_ms = 2;
    assert_int_equal(job(TRANSFER_GET, path("big"), path("down"), 0), TRANSFER_CANCELLED);
    shell("[ ! -e down ] && ls -A | grep -q 'ferry-part'");
    place.stop_at = 0;
    must(TRANSFER_GET, path("big"), path("down"), TRANSFER_RESUME);
    shell("cmp big down");
    assert_true(place.start_done >= BIG / 8);
}

static void
a_killed_server_leaves_what_can_be_continued(void **state)
{
    (void)state;
    make_big("big");
    uint32_t id;
    struct transfer_spec spec = {
        .verb = TRANSFER_PUT, .path = bytes_str(path("up")), .local = path("big")};
    assert_int_equal(transfer_add(place.t, &spec, &id), ERR_NONE);
    for (int i = 0; i < 20; i++)
        pipe_turn(&place.link, place.t, 10);
    session_end();
    session_start();
    must(TRANSFER_PUT, path("up"), path("big"), TRANSFER_RESUME);
    shell("cmp big up");
    shell("! ls -A | grep 'ferry-part'");
}

static void
a_removed_tree_is_gone(void **state)
{
    (void)state;
    make_tree();
    shell("ln -s / src/root");
    must(TRANSFER_REMOVE, path("src"), NULL, TRANSFER_RECURSIVE);
    shell("[ ! -e src ] && [ -e /etc ]");
    assert_int_equal(job(TRANSFER_REMOVE, path("src"), NULL, TRANSFER_RECURSIVE),
                     TRANSFER_NOT_FOUND);
}

static void
links_are_copied_on_request(void **state)
{
    unsigned flags = TRANSFER_RECURSIVE | TRANSFER_LINKS;
    (void)state;
    shell("mkdir -p src/sub && echo x > src/f && ln -s f src/l && ln -s ../f src/sub/l");
    must(TRANSFER_PUT, path("up"), path("src"), flags);
    must(TRANSFER_GET, path("up"), path("down"), flags);
    shell("[ \"$(readlink up/l up/sub/l)\" = \"$(printf 'f\\n../f')\" ]");
    shell("[ \"$(readlink down/l down/sub/l)\" = \"$(printf 'f\\n../f')\" ]");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_tree_goes_up_and_comes_back),
        T(a_tree_that_is_there_is_replaced_file_by_file),
        T(a_big_file_goes_up_and_comes_back),
        T(a_round_trip_of_20_ms_changes_nothing),
        T(a_stopped_put_is_continued),
        T(a_stopped_get_is_continued),
        T(a_killed_server_leaves_what_can_be_continued),
        T(a_removed_tree_is_gone),
        T(links_are_copied_on_request),
    };
    int n_failed = 0;
    for (int i = 1; i < argc; i++) {
        server = argv[i];
        printf("# %s%s\n", server, access(server, X_OK) == 0 ? "" : ": not there");
        if (access(server, X_OK) == 0)
            n_failed += cmocka_run_group_tests_name(server, tests, NULL, NULL);
    }
    return n_failed;
}
