#include "base/progress.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/text.h"

#define DRAW_NS     100000000ll
#define BAR_CELLS   24
#define WIDTH_LEAST 40

struct progress {
        char *label;
        uint64_t total;
        int64_t started_ns;
        bool shown;
        atomic_uint_fast64_t done;
        atomic_int_fast64_t drawn_ns;
};

static int64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

struct progress *progress_new(const char *label, uint64_t total_bytes)
{
        struct progress *p = text_alloc(sizeof(*p));

        p->label = text_dup(label);
        p->total = total_bytes;
        p->started_ns = now_ns();
        p->shown = isatty(STDERR_FILENO) && log_get_level() >= LOG_INFO;
        atomic_store(&p->drawn_ns, p->started_ns);
        return p;
}

static void bar_add(struct text *line, uint64_t done, uint64_t total)
{
        unsigned filled = (unsigned) (total ? (double) done / (double) total * BAR_CELLS : 0);

        text_add(line, " [");
        for (unsigned i = 0; i < BAR_CELLS; i++)
                text_add_char(line, i < filled ? '=' : i == filled ? '>' : ' ');
        text_printf(line, "] %3.0f%%", total ? 100.0 * (double) done / (double) total : 0.0);
}

static void draw(const struct progress *p, int64_t now)
{
        uint64_t done = atomic_load(&p->done);
        double seconds = (double) (now - p->started_ns) / 1e9;
        double rate = seconds > 0 ? (double) done / seconds : 0;
        char amount[32], whole[32], speed[32];
        _cleanup_text_ struct text line = TEXT_INIT;
        struct winsize window;
        size_t width = 80;

        if (done > p->total && p->total)
                done = p->total;
        text_add(&line, p->label);
        if (p->total)
                bar_add(&line, done, p->total);
        text_printf(&line, " %s", num_human(done, amount, sizeof(amount)));
        if (p->total)
                text_printf(&line, " of %s", num_human(p->total, whole, sizeof(whole)));
        text_printf(&line, ", %s/s", num_human((uint64_t) rate, speed, sizeof(speed)));
        if (p->total && rate > 0) {
                uint64_t left = (uint64_t) ((double) (p->total - done) / rate + 0.5);

                text_printf(&line, ", %02u:%02u left", (unsigned) (left / 60), (unsigned) (left % 60));
        }
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= WIDTH_LEAST)
                width = window.ws_col;
        if (line.used > width - 1)
                line.at[width - 1] = '\0';
        fprintf(stderr, "\r\033[K%s", line.at);
        fflush(stderr);
}

void progress_add(struct progress *p, uint64_t bytes)
{
        int64_t now, drawn;

        if (!p || !p->shown)
                return;
        atomic_fetch_add(&p->done, bytes);
        now = now_ns();
        drawn = atomic_load(&p->drawn_ns);
        if (now - drawn >= DRAW_NS && atomic_compare_exchange_strong(&p->drawn_ns, &drawn, now))
                draw(p, now);
}

void progress_free(struct progress *p)
{
        if (!p)
                return;
        if (p->shown) {
                fputs("\r\033[K", stderr);
                fflush(stderr);
        }
        free(p->label);
        free(p);
}
