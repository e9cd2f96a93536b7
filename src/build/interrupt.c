#include "build/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "base/clean.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[ARRAY_SIZE(signals)];
static volatile sig_atomic_t pending;
static bool watching;

static void remember(int signal)
{
        (void) signal;
        pending = 1;
}

void interrupt_watch(void)
{
        struct sigaction action = { .sa_handler = remember, .sa_flags = SA_RESTART | (int) SA_RESETHAND };

        if (watching)
                return;
        watching = true;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                sigaction(signals[i], NULL, &before[i]);
                if (before[i].sa_handler != SIG_IGN)
                        sigaction(signals[i], &action, NULL);
        }
}

void interrupt_release(void)
{
        if (!watching)
                return;
        watching = false;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaction(signals[i], &before[i], NULL);
}

bool interrupt_pending(void)
{
        return pending != 0;
}
