#include "base/test.h"
#include "image/squashfs_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

struct loads {
        atomic_int n;
        int fail;
        long pause_ns;
        uint8_t fill;
};

static int load(void *user, uint8_t *room, size_t *ret_size, uint64_t *ret_note, struct err *e)
{
        struct loads *loads = user;
        struct timespec pause = { .tv_nsec = loads->pause_ns };

        atomic_fetch_add(&loads->n, 1);
        nanosleep(&pause, NULL);
        if (loads->fail)
                return err_set(e, -EBADMSG, "broken");
        memset(room, loads->fill, 100);
        *ret_size = 100;
        *ret_note = 77;
        return 0;
}

static void test_failure_is_told_and_not_kept(void **state)
{
        struct loads loads = { .fail = 1 };
        const struct squashfs_cached *block;
        struct squashfs_cache *c;
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(squashfs_cache_new(&c, 128, 1024), 0);
        assert_int_equal(squashfs_cache_get(c, 5, load, &loads, &block, &e), -EBADMSG);
        assert_string_equal(e.text, "broken");
        loads.fail = 0;
        assert_int_equal(squashfs_cache_get(c, 5, load, &loads, &block, &e), 0);
        assert_int_equal(loads.n, 2);
        squashfs_cache_put(c, block);
        squashfs_cache_free(c);
}

static void test_bound_and_order_of_leaving(void **state)
{
        const struct squashfs_cached *block, *pinned;
        struct loads loads = { .fill = 9 };
        struct squashfs_cache *c;

        (void) state;
        assert_int_equal(squashfs_cache_new(&c, 128, 4 * 128), 0);
        assert_int_equal(squashfs_cache_get(c, 0, load, &loads, &pinned, NULL), 0);
        for (uint64_t key = 1; key <= 6; key++) {
                assert_int_equal(squashfs_cache_get(c, key, load, &loads, &block, NULL), 0);
                assert_int_equal(block->size, 100);
                assert_int_equal(block->bytes[99], 9);
                assert_int_equal(block->note, 77);
                squashfs_cache_put(c, block);
                if (key == 3) { /* 1 is used again, so 2 is the oldest */
                        block = squashfs_cache_peek(c, 1);
                        assert_non_null(block);
                        squashfs_cache_put(c, block);
                }
        }
        assert_int_equal(loads.n, 7);
        for (uint64_t key = 1; key <= 4; key++) {
                block = squashfs_cache_peek(c, key);
                assert_int_equal(block != NULL, key == 4);
                squashfs_cache_put(c, block);
        }
        assert_int_equal(pinned->bytes[0], 9);
        squashfs_cache_put(c, pinned);
        squashfs_cache_drop(c);
        assert_null(squashfs_cache_peek(c, 6));
        squashfs_cache_free(c);
}

static void test_more_pins_than_room(void **state)
{
        const struct squashfs_cached *blocks[8];
        struct loads loads = { 0 };
        struct squashfs_cache *c;

        (void) state;
        assert_int_equal(squashfs_cache_new(&c, 128, 2 * 128), 0);
        for (uint64_t key = 0; key < 8; key++)
                assert_int_equal(squashfs_cache_get(c, key, load, &loads, &blocks[key], NULL), 0);
        for (size_t i = 0; i < 8; i++)
                squashfs_cache_put(c, blocks[i]);
        assert_null(squashfs_cache_peek(c, 0));
        squashfs_cache_free(c);
}

struct asker {
        struct squashfs_cache *cache;
        struct loads *loads;
        pthread_t thread;
};

static void *ask(void *data)
{
        struct asker *a = data;

        for (uint64_t i = 0; i < 2000; i++) {
                const struct squashfs_cached *block;

                if (squashfs_cache_get(a->cache, i / 100, load, a->loads, &block, NULL) < 0)
                        return a;
                if (block->size != 100)
                        return a;
                squashfs_cache_put(a->cache, block);
        }
        return NULL;
}

static void test_many_ask_and_one_decodes(void **state)
{
        struct loads loads = { .pause_ns = 300000 };
        struct asker askers[8];
        struct squashfs_cache *c;
        void *failed;

        (void) state;
        assert_int_equal(squashfs_cache_new(&c, 128, 128 * 64), 0);
        for (size_t i = 0; i < 8; i++) {
                askers[i] = (struct asker){ .cache = c, .loads = &loads };
                assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
        }
        for (size_t i = 0; i < 8; i++) {
                pthread_join(askers[i].thread, &failed);
                assert_null(failed);
        }
        assert_int_equal(loads.n, 20);
        squashfs_cache_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_failure_is_told_and_not_kept),
                cmocka_unit_test(test_bound_and_order_of_leaving),
                cmocka_unit_test(test_more_pins_than_room),
                cmocka_unit_test(test_many_ask_and_one_decodes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
