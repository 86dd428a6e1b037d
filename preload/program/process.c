/* SPDX-License-Identifier: Apache-2.0
 *
 * See process.h. The ring file is made once a process, when its first request is submitted or its
 * first loop runs, so it may take its time; a second thread that comes meanwhile waits for the
 * first.
 */
#include "process.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "files/dir.h"
#include "files/reason.h"
#include "ring/futex.h"
#include "module_list.h"
#include "log.h"
#include "shm.h"

static struct process process_before; /* before the constructor, or where there is no memory */
struct process *process = &process_before;

static _Atomic uint64_t
    untraced_before; /* callbacks, before there was a ring file to count them in */

static _Atomic uint64_t untraced_marks_before;

static _Atomic uint64_t untraced_events_before; /* wake-ups by threads that are no workers */

/* Where the watchdog finds what is open on a thread. */
static void threads_describe(struct shared *shared)
{
	shared->threads = (uintptr_t)process->threads;
	shared->thread_bytes = sizeof(process->threads[0]);
	shared->thread_depth_at = offsetof(struct thread, depth);
	shared->thread_frames_at = offsetof(struct thread, frames);
}

/* Both who counted before there was a ring file and who makes one call this, after what they did:
 * so none is missed. */
static void events_before_move(void)
{
	struct shared *shared = process_shared();

	if (shared)
		atomic_fetch_add(&shared->untraced_events,
				 atomic_exchange(&untraced_events_before, 0));
}

/* Whether the trace can be where UVTRACE_PATH says, as far as can be told before the first file is
 * made. */
static bool path_is_good(void)
{
	int error =
	    config.path[0] && config.writer != SHARED_WRITER_NULL ? dir_check_file(config.path) : 0;

	if (!config.path[0])
		log_warn(
		    "cannot trace: the current directory is gone, and UVTRACE_PATH names none");
	if (error)
		log_warn("cannot trace: UVTRACE_PATH=%.200s: %s", config.path, reason_text(error));
	return config.path[0] && !error;
}

static bool process_make(void)
{
	struct shared *shared;

	config_say_bad();
	if (!path_is_good())
		return false;
	shared = shm_create();
	if (!shared)
		return false;
	threads_describe(shared);
	process_describe(shared);
	module_list_describe(shared);
	if (shared->tier == TRACE_TIER_LIBC)
		log_warn("only waits can be seen, no callbacks (tier libc): %.400s",
			 shared->libuv_note);
	else if (shared->libuv_note[0])
		log_warn("%.400s", shared->libuv_note);
	if (shared->libuv_how[0])
		log_info("%s", shared->libuv_how);
	process->pid = getpid();
	atomic_fetch_add(&shared->untraced_callbacks, atomic_load(&untraced_before));
	atomic_fetch_add(&shared->untraced_marks, atomic_exchange(&untraced_marks_before, 0));
	atomic_store(&process->shared, shared);
	events_before_move();
	process_publish(shared);
	return true;
}

bool process_start(void)
{
	uint32_t state = PROCESS_IDLE;
	int saved_errno = errno;

	process_prepare(); /* other libraries' constructors may run loops before ours */
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

void process_count_untraced(void)
{
	struct shared *shared = process_shared();

	atomic_fetch_add(shared ? &shared->untraced_callbacks : &untraced_before, 1);
}

void process_count_untraced_events(uint32_t count)
{
	atomic_fetch_add(&untraced_events_before, count);
	events_before_move();
}

void process_count_untraced_mark(void)
{
	struct shared *shared = process_shared();

	atomic_fetch_add(shared ? &shared->untraced_marks : &untraced_marks_before, 1);
}
