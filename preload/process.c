/* SPDX-License-Identifier: Apache-2.0
 *
 * See process.h. Everything here happens once a process, when its first request is submitted or its first
 * loop runs, so it may take its time; a second thread that comes meanwhile waits for the first.
 */
#include "process.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "drain.h"
#include "futex.h"
#include "helper.h"
#include "hooks.h"
#include "libtrace.h"
#include "loaded.h"
#include "log.h"
#include "real_text.h"
#include "shm.h"
#include "site.h"

#define HELPERS_MAX   16  /* after so many that died a thread drains */
#define START_WAIT_MS 50  /* for the drain's first look at the program */
#define BIRTH_MS      200 /* a helper that shows no life by then never will: it was killed as it began */

static struct process process_before; /* before the constructor, or where there is no memory */
struct process *process = &process_before;

static bool process_make(void)
{
	int error;
	struct shared *shared = shm_create(&error);

	if (!shared) {
		log_warn("cannot trace: no memory for rings: %s", strerror(-error));
		return false;
	}
	hooks_describe(shared);
	loaded_describe(shared);
	if (shared->tier == TRACE_TIER_LIBC)
		log_warn(
		    "libuv is linked into this program: only parks and turns can be seen, no callbacks (tier libc)");
	process->pid = getpid();
	atomic_store(&process->shared, shared);
	site_publish_all(shared);
	return true;
}

bool process_start(void)
{
	uint32_t state = PROCESS_IDLE;
	int saved_errno = errno;

	libtrace_start(); /* other libraries' constructors may run loops before ours */
	if (atomic_compare_exchange_strong(&process->state, &state, PROCESS_STARTING)) {
		state = process_make() ? PROCESS_RECORDING : PROCESS_FAILED;
		atomic_store(&process->state, state);
		futex_wake(&process->state);
	}
	while (state == PROCESS_STARTING) {
		futex_wait(&process->state, PROCESS_STARTING, 100);
		state = atomic_load(&process->state);
	}
	errno = saved_errno;
	return state == PROCESS_RECORDING;
}

static void *drain_thread(void *arg)
{
	static _Atomic uint32_t never;
	struct shared *shared = arg;

	prctl(PR_SET_NAME, "uvtrace-drain", 0, 0, 0);
	drain_run(shared, &never);
	return NULL;
}

/* All signals blocked: they are meant for the program's own threads. */
static int start_thread(struct shared *shared)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int rc = pthread_attr_init(&attr);

	if (rc)
		return -rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, &attr, drain_thread, shared);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}

/* Until the drain has read what it needs of the program from /proc: one that ends right after its first callbacks
 * would be a trace without names. Takes about a millisecond. */
static void wait_for_drain(struct shared *shared)
{
	uint64_t until_ns = clock_mono_ns() + START_WAIT_MS * 1000000ull;

	while (atomic_load(&shared->drain_state) == DRAIN_NONE && clock_mono_ns() < until_ns)
		futex_wait(&shared->drain_state, DRAIN_NONE, START_WAIT_MS);
}

static void make_drain(struct shared *shared, bool by_process)
{
	int rc = -ECHILD;

	if (shared->options.drain == SHARED_DRAIN_PROCESS) {
		if (by_process)
			rc = helper_spawn(shared);
		if (rc)
			log_warn("no helper process: %s; draining in a thread", strerror(-rc));
	}
	if (rc) {
		shared->options.drain = SHARED_DRAIN_THREAD;
		rc = start_thread(shared);
	}
	if (rc) {
		log_warn("nobody drains: %s; events stay in %s", strerror(-rc), shared->self_path);
		return;
	}
	wait_for_drain(shared);
	log_info("recording to %s", shared->options.path);
}

/* From the state `before` of process->helper: one thread makes it, others go on. */
static void make_drain_once(struct shared *shared, uint32_t before)
{
	int saved_errno = errno;

	if (!shared || !atomic_compare_exchange_strong(&process->helper, &before, 1))
		return;
	atomic_store(&process->made_ns, clock_mono_ns());
	make_drain(shared, atomic_fetch_add(&process->helpers, 1) < HELPERS_MAX);
	atomic_store(&process->helper, 2);
	errno = saved_errno;
}

void process_start_drain(void)
{
	make_drain_once(process_shared(), 0);
}

bool process_drain_died(const struct shared *shared)
{
	uint32_t life = atomic_load(&shared->drain_life);

	if (shared->options.drain != SHARED_DRAIN_PROCESS || atomic_load(&shared->drain_state) == DRAIN_DONE)
		return false;
	return life & FUTEX_OWNER_DIED || (life == 0 && atomic_load(&process->helper) == 2 &&
					   clock_mono_ns() - atomic_load(&process->made_ns) > BIRTH_MS * 1000000ull);
}

void process_wake_drain(void)
{
	struct shared *shared = process_shared();

	if (!shared)
		return;
	/* A second one that came by mistake would find drain_life taken, and go. */
	if (process_drain_died(shared))
		make_drain_once(shared, 2);
	drain_wake(shared);
}

void process_count_untraced(void)
{
	struct shared *shared = process_shared();

	if (shared)
		atomic_fetch_add(&shared->untraced_callbacks, 1);
}
