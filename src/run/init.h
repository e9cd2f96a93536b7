/* init: the two processes that a pid namespace needs beside the program.
 *
 *      apptainer ──── appinit ──── program
 *      (caller's)     process 1    process 2
 *
 * Without a pid namespace there is neither: the caller's process becomes the program.
 *
 *   parent    waits for process 1, passes signals on, and ends as the container ended (spec runtime.md, 2.3)
 *   appinit   reaps orphans, passes signals on, ends with the program: with its exit status, or 128 + n when
 *             signal n killed it.  The kernel kills the rest of the namespace then.
 *
 * A signal that a process sent is passed on.  One that the kernel sent (^C on a terminal, for instance) went
 * to the whole process group, so the program has it already.
 *
 * The container dies with its parent: process 1 has PR_SET_PDEATHSIG.
 */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "base/err.h"

/* Signal mask and dispositions as they were, for the program. */
struct init_signals {
        sigset_t mask;
        struct sigaction child;
        int alive; /* in process 1: reading end of a pipe that the parent holds open; goes with execve */
};

/* What there is to do when the container's program has ended, before this process does. */
struct init_ended {
        void (*call)(void *user); /* may be NULL */
        void *user;
};

/* In the parent, whose children will be in a new pid namespace: starts process 1.  0 in process 1; its pid in
 * the parent. */
pid_t init_fork(struct init_signals *saved, struct err *e);

/* In process 1, after it changed its ids, by which the kernel forgets PR_SET_PDEATHSIG. */
void init_die_with_parent(const struct init_signals *saved);

/* In the parent: waits for process 1.  Returns the exit status to end with, or does not return when a signal
 * killed it: then the same signal ends this process. */
int init_supervise(pid_t child, const struct init_ended *ended);

/* In process 1: becomes appinit and returns only in its child, which is to become the program; a negative
 * errno when there is no child. */
int init_split(const struct init_ended *ended, struct err *e);

/* Before the program: signals are as the caller left them. */
void init_restore(const struct init_signals *saved);
