/* SPDX-License-Identifier: Apache-2.0
 *
 * See supervisor.h. Making a drain happens once a process, when its first loop runs, and again when
 * one has died, so it may take its time; other threads go on meanwhile.
 */
#include "supervisor.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include "drain/drain.h"
#include "files/reason.h"
#include "helper.h"
#include "log.h"
#include "ring/clock.h"
#include "ring/control.h"
#include "ring/futex.h"

#define HELPERS_MAX	  16   /* after so many that died a thread drains */
#define VIEW_WAIT_MS	  1000 /* for the drain's thread to be run at all */
#define START_WAIT_MS	  20   /* ... and for its first look at the program, whose timers are on */
#define BIRTH_MS	  200  /* a helper that shows no life by then was killed as it began */
#define MISSING_MS	  1000 /* between attempts where nothing can be made */
#define STUCK_MS	  5000 /* without an answer: then the helper is looked at */
#define LOOP_ENDED_MS	  100  /* the drain comes by itself that often while there is work */
#define STILL_CHECK_EVERY 64   /* wake-ups without an answer, between looks at the clock */
#define DRAIN_STACK_BYTES (256 * 1024)

static _Atomic uint32_t never_gone;
static _Atomic int thread_error; /* of the drain's thread, -errno */

static void *drain_thread(void *arg)
{
	int error;

	prctl(PR_SET_NAME, "uvtrace-drain", 0, 0, 0);
	error = drain_run(arg, &never_gone);
	if (atomic_load(&((struct shared *)arg)->drain_state) == DRAIN_NONE)
		atomic_store(&thread_error, error);
	return NULL;
}

static int create_thread(struct shared *shared)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc = pthread_attr_init(&attr);

	if (rc)
		return -rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, DRAIN_STACK_BYTES);
	rc = pthread_create(&thread, &attr, drain_thread, shared);
	pthread_attr_destroy(&attr);
	return -rc;
}

static void wait_for_drain(struct shared *shared, enum drain_state wanted, uint64_t ms)
{
	uint64_t until_ns = clock_mono_ns() + ms * 1000000;
	uint32_t state;

	while ((state = atomic_load(&shared->drain_state)) < wanted &&
	       !atomic_load(&thread_error) && clock_mono_ns() < until_ns)
		futex_wait(&shared->drain_state, state, 5);
}

/* All signals blocked: they are meant for the program's own threads. It is waited for until it has
 * a view of its own of the files, because the program may be about to change its root or its user;
 * then a moment until it has written its first segment, because it dies with the program. A helper
 * is not waited for: it outlives the program, and what it could not read of it any more is noted in
 * shared memory (module_list.c). */
static int start_thread(struct shared *shared)
{
	uint32_t before = shared->options.drain;
	sigset_t all, old;
	int rc;

	shared->options.drain = SHARED_DRAIN_THREAD;
	atomic_store(&thread_error, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = create_thread(shared);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc) {
		wait_for_drain(shared, DRAIN_STARTING, VIEW_WAIT_MS);
		wait_for_drain(shared, DRAIN_RUNNING, START_WAIT_MS);
		rc = atomic_load(&thread_error);
	}
	if (rc)
		shared->options.drain = before;
	return rc;
}

/* What became of it, in one line. `no_helper` is 0 where none was wanted. */
static void say_drain(int no_helper, int no_thread)
{
	if (no_thread && no_helper)
		log_warn(
		    "nobody drains: no helper process: %s, no thread: %s; events wait in memory",
		    reason_text(no_helper), reason_text(no_thread));
	else if (no_thread)
		log_warn("nobody drains: no thread: %s; events wait in memory",
			 reason_text(no_thread));
	else if (no_helper)
		log_warn("no helper process: %s; draining in a thread", reason_text(no_helper));
}

/* False if nobody drains. */
static bool make_drain(struct shared *shared, uint32_t made_before)
{
	bool wanted = shared->options.drain == SHARED_DRAIN_PROCESS && !helper_would_be_adopted();
	int no_helper = 0, no_thread;

	if (wanted) {
		no_helper = helper_error(); /* it would be the same again */
		if (!no_helper)
			no_helper = made_before < HELPERS_MAX ? helper_spawn(shared) : -ECHILD;
		if (!no_helper)
			return true;
	}
	no_thread = start_thread(shared);
	if (made_before == 0 || !no_thread)
		say_drain(no_helper, no_thread);
	return no_thread == 0;
}

/* From the state `before` of process->helper: one thread makes it, others go on. */
static void make_drain_once(struct shared *shared, uint32_t before)
{
	int saved_errno = errno;
	bool made;

	if (!shared || !atomic_compare_exchange_strong(&process->helper, &before, HELPER_MAKING))
		return;
	atomic_store(&process->made_ns, clock_mono_ns());
	made = make_drain(shared, atomic_fetch_add(&process->helpers, 1));
	if (made && before == HELPER_NONE)
		log_info("recording to %s", shared->options.path);
	atomic_store(&process->helper, made ? HELPER_MADE : HELPER_MISSING);
	errno = saved_errno;
}

void supervisor_start(void)
{
	make_drain_once(process_shared(), HELPER_NONE);
}

static bool made_ago(uint64_t ms)
{
	return clock_mono_ns() - atomic_load(&process->made_ns) > ms * 1000000;
}

/* Nothing but the clock and shared memory is asked while the drain answers: a program's seccomp
 * filter may not allow more. */
static void kill_stopped(const struct shared *shared)
{
	uint32_t still_count = atomic_load_explicit(&process->still_count, memory_order_relaxed);
	uint64_t now_ns;

	atomic_store_explicit(&process->still_count, still_count + 1, memory_order_relaxed);
	if (still_count % STILL_CHECK_EVERY != STILL_CHECK_EVERY - 1)
		return;
	now_ns = clock_mono_ns();
	if (now_ns - atomic_load(&process->asked_ns) < STUCK_MS * 1000000ull)
		return;
	atomic_store(&process->asked_ns, now_ns);
	if (helper_kill_stopped(atomic_load(&shared->drain_pid)))
		log_warn("the helper process was stopped for %d s: another goes on in its place",
			 STUCK_MS / 1000);
}

bool supervisor_drain_died(const struct shared *shared)
{
	uint32_t helper = atomic_load(&process->helper);
	uint32_t life = atomic_load(&shared->drain_life);

	if (helper == HELPER_MISSING)
		return made_ago(MISSING_MS);
	if (helper != HELPER_MADE || shared->options.drain != SHARED_DRAIN_PROCESS ||
	    atomic_load(&shared->drain_state) == DRAIN_DONE)
		return false;
	if ((life == 0 || life & FUTEX_OWNER_DIED) && helper_is_leaving())
		return false;
	if (life & FUTEX_OWNER_DIED || (life == 0 && (helper_error() || made_ago(BIRTH_MS))))
		return true;
	kill_stopped(shared);
	return false;
}

void supervisor_wake(void)
{
	struct shared *shared = process_shared();

	if (!shared)
		return;
	/* A second one that came by mistake would find drain_life taken, and go. */
	if (supervisor_drain_died(shared))
		make_drain_once(shared, atomic_load(&process->helper));
	atomic_store(&process->asked_ns, clock_mono_ns());
	drain_wake(shared);
}

void supervisor_loop_ended(void)
{
	struct shared *shared = process_shared();
	uint64_t now_ns = clock_mono_ns();

	if (!shared || now_ns - atomic_load(&process->loop_ended_ns) < LOOP_ENDED_MS * 1000000ull)
		return;
	atomic_store(&process->loop_ended_ns, now_ns);
	drain_wake(shared);
}

void supervisor_drain_at_exit(void)
{
	struct shared *shared = process_shared();
	uint32_t missing = HELPER_MISSING;
	sigset_t all, old;

	if (!atomic_compare_exchange_strong(&process->helper, &missing, HELPER_MADE))
		return;
	shared->options.drain = SHARED_DRAIN_EXIT;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	drain_run(shared, &never_gone);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}
