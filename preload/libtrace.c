/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of the library, in reading order: start, fork, exit. What happens between start and exit
 * begins with the first loop or request (process.c), so a program that has none leaves nothing
 * behind.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/clock.h"
#include "program/config.h"
#include "ring/futex.h"
#include "program/helper.h"
#include "program/log.h"
#include "program/process.h"
#include "program/supervisor.h"
#include "hooks/hooks.h"
#include "hooks/site.h"
#include "hooks/trigger_signal.h"
#include "libuv/libc_functions.h"
#include "libuv/libuv_copy.h"
#include "program/shm.h"

#define EXIT_WAIT_MS 200

static pthread_once_t start_once = PTHREAD_ONCE_INIT, record_once = PTHREAD_ONCE_INIT;

/* Where the kernel is too old to empty the page in a child. */
static void fork_child(void)
{
	memset(process, 0, sizeof(*process));
}

/* What must be seen before the program changes it, or asked of the kernel before a filter of system
 * calls refuses it. Most programs have no libuv, so nothing is done or touched here that can wait:
 * a page that is touched takes longer than all else. */
static void start(void)
{
	struct process *page;

	config_read();
	libuv_copy_start(config.patch);
	helper_find();
	page =
	    mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		atomic_store(&process->state, PROCESS_FAILED);
		return;
	}
	process = page;
	if (madvise(page, sizeof(*page), MADV_WIPEONFORK))
		pthread_atfork(NULL, NULL, fork_child);
}

void process_prepare(void)
{
	pthread_once(&start_once, start);
	pthread_once(&record_once, libc_clock_find);
}

void process_describe(struct shared *shared)
{
	hooks_describe(shared);
}

void process_publish(struct shared *shared)
{
	site_publish_all(shared);
	trigger_signal_take(shared);
}

__attribute__((constructor)) static void libtrace_constructor(void)
{
	int saved_errno = errno;

	pthread_once(&start_once, start);
	errno = saved_errno;
}

static void print_message(const struct shared *shared)
{
	char line[sizeof(shared->message) + 1];

	if (!atomic_load(&shared->message_ready))
		return;
	memcpy(line, shared->message, sizeof(shared->message));
	line[sizeof(shared->message)] = 0;
	log_warn("%s", line);
}

/* exit() or the end of main. The drain writes what is there and seals; it outlives us, so what
 * other threads still do is not lost when the wait ends. Rings stay mapped: the pool's threads end
 * after us. */
__attribute__((destructor)) static void libtrace_destructor(void)
{
	struct shared *shared = process_shared();
	int saved_errno = errno;
	uint64_t until_ns;
	uint32_t state;

	if (!shared)
		return;
	if (!atomic_load(
		&process->helper)) { /* requests, but never a loop: nobody has seen this file */
		unlink(shared->self_path);
		return;
	}
	atomic_store(&shared->exiting, 1);
	supervisor_wake();
	supervisor_drain_at_exit();
	until_ns = clock_mono_ns() + EXIT_WAIT_MS * 1000000ull;
	while ((state = atomic_load(&shared->drain_state)) != DRAIN_DONE &&
	       clock_mono_ns() < until_ns)
		futex_wait(&shared->drain_state, state, 20);
	if (state != DRAIN_DONE)
		supervisor_wake(); /* had it died just now? */
	print_message(shared);
	errno = saved_errno;
}
