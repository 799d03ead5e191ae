#include "base/base_test.h"

#include "base/slab.h"

static void
small_pieces_share_a_slab(void **state)
{
    (void)state;
    struct slab_pool pool;
    struct slab *a, *b;
    slab_pool_init(&pool, 4096, 4);
    assert_non_null(slab_carve(&pool, 100, &a));
    assert_non_null(slab_carve(&pool, 100, &b));
    assert_ptr_equal(a, b);
    assert_int_equal(pool.n_live, 1);
    slab_unref(a);
    slab_unref(b);
    slab_pool_clear(&pool);
}

static void
pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct slab_pool pool;
    struct slab *owner[20];
    uint8_t *piece[20];
    slab_pool_init(&pool, 4096, 4);
    for (size_t i = 0; i < 20; i++) {
        piece[i] = slab_carve(&pool, 1 + i * 7, &owner[i]);
        assert_int_equal((uintptr_t)piece[i] % 16, 0);
        memset(piece[i], (int)i, 1 + i * 7);
    }
    for (size_t i = 0; i < 20; i++) {
        for (size_t k = 0; k < 1 + i * 7; k++)
            assert_int_equal(piece[i][k], i);
        slab_unref(owner[i]);
    }
    slab_pool_clear(&pool);
}

static void
budget_says_full_but_control_still_gets_room(void **state)
{
    (void)state;
    struct slab_pool pool;
    struct slab *owner[4];
    slab_pool_init(&pool, 1024, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(slab_pool_is_full(&pool), i >= 2);
        assert_non_null(slab_carve(&pool, 1000, &owner[i]));
    }
    for (size_t i = 0; i < 4; i++)
        slab_unref(owner[i]);
    assert_false(slab_pool_is_full(&pool));
    slab_pool_clear(&pool);
}

static void
only_the_newest_piece_can_grow(void **state)
{
    (void)state;
    struct slab_pool pool;
    struct slab *a, *b;
    slab_pool_init(&pool, 1024, 2);
    uint8_t *first = slab_carve(&pool, 64, &a);
    assert_true(slab_extend(a, first + 64, 64));
    uint8_t *second = slab_carve(&pool, 64, &b);
    assert_ptr_equal(second, first + 128);
    assert_false(slab_extend(a, first + 128, 16));
    assert_false(slab_extend(b, second + 64, 4096));
    slab_shrink(b, second + 16);
    struct slab *c;
    assert_ptr_equal(slab_carve(&pool, 16, &c), second + 16);
    slab_unref(a);
    slab_unref(b);
    slab_unref(c);
    slab_pool_clear(&pool);
}

static void
emptied_slab_is_used_again(void **state)
{
    (void)state;
    struct slab_pool pool;
    struct slab *a;
    slab_pool_init(&pool, 1024, 2);
    void *first = slab_carve(&pool, 1000, &a);
    slab_unref(a);
    for (int i = 0; i < 100; i++) {
        assert_ptr_equal(slab_carve(&pool, 1000, &a), first);
        slab_unref(a);
    }
    assert_int_equal(pool.n_live, 1);
    slab_pool_trim(&pool);
    assert_int_equal(pool.n_live, 0);
    slab_pool_clear(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_pieces_share_a_slab),
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(budget_says_full_but_control_still_gets_room),
        cmocka_unit_test(only_the_newest_piece_can_grow),
        cmocka_unit_test(emptied_slab_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
