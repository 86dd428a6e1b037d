/* SPDX-License-Identifier: Apache-2.0
 *
 * See dumps.h.
 */
#include "dumps.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "files/dir.h"
#include "gone.h"
#include "ring/control.h"
#include "ring/dump_request.h"
#include "ring/futex.h"
#include "rings.h"

#define NONE	       -1
#define ANSWER_KEPT_NS 10000000000ull /* for somebody who may have been killed */
#define MILLISECOND_NS 1000000ull
#define DUMP_STACK     (128 * 1024)
#define STATUS_SIGNAL  0x7f /* of a status as wait() gives it */

/* ---- One dump -------------------------------------------------------------------------------- */

static void tell_failure(struct drain *drain, int error)
{
	struct shared *shared = drain->shared;
	char reason[128], dir[128];

	if (drain->told_error)
		return;
	drain->told_error = true;
	dir_of(shared->options.path, dir, sizeof(dir));
	dir_explain(error, dir, strlen(dir), reason, sizeof(reason));
	snprintf(shared->message, sizeof(shared->message),
		 "a dump of the flight recorder was not written to %.100s: %.100s", dir, reason);
	/* Release: pairs with the program's acquire before it reads the message. */
	atomic_store_explicit(&shared->message_ready, 1, memory_order_release);
}

static uint64_t back_from(uint64_t asked_ns, uint64_t last_ns, uint64_t start_ns)
{
	uint64_t from_ns = asked_ns > last_ns ? asked_ns - last_ns : 0;

	if (last_ns == DUMP_REQUEST_ALL)
		return 0;
	return from_ns > start_ns ? from_ns : start_ns;
}

/* What is to be written, of what somebody has asked for. */
static void job_fill(struct drain *drain, const struct shared_dump *place)
{
	struct recorder_dump *job = &drain->dumps.job;
	uint64_t next_ns = place->next_ns, asked_ns = place->asked_ns;

	memset(job, 0, sizeof(*job));
	memcpy(job->from, drain->segment.writer.dir, sizeof(job->from));
	memcpy(job->trace_path, drain->shared->options.path, sizeof(job->trace_path) - 1);
	job->pid = drain->segment.header.pid;
	job->dumps_max = drain->shared->options.dumps_max;
	job->dump.cause = (uint16_t)place->cause;
	job->dump.requested_from_ns =
	    back_from(asked_ns, place->last_ns, drain->segment.header.start_mono_ns);
	job->dump.requested_to_ns =
	    next_ns < UINT64_MAX - asked_ns ? asked_ns + next_ns : UINT64_MAX;
	job->dump.covered_to_ns = drain->now_ns;
	job->dump.suppressed =
	    atomic_load(&drain->shared->dumps_suppressed) - drain->dumps.suppressed;
	memcpy(job->reason, place->reason, sizeof(job->reason) - 1);
}

static void answer(struct drain *drain, struct shared_dump *place, int error)
{
	const struct recorder_dump *job = &drain->dumps.job;

	if (!error) {
		atomic_store(&drain->shared->dump_number, job->number);
		atomic_fetch_add(&drain->shared->dumps_written, 1);
		drain->dumps.suppressed += job->dump.suppressed;
	} else if (!place->waits)
		tell_failure(drain, error);
	drain->dumps.error = error;
	place->error = error;
	place->number = job->number;
	place->requested_from_ns = job->dump.requested_from_ns;
	place->requested_to_ns = job->dump.requested_to_ns;
	place->covered_from_ns = job->dump.covered_from_ns;
	place->covered_to_ns = job->dump.covered_to_ns;
	place->done_ns = drain->now_ns;
	/* Release: pairs with the acquire of who waits for it. */
	atomic_store_explicit(&place->state, place->waits ? DUMP_DONE : DUMP_FREE,
			      memory_order_release);
	futex_wake(&place->state);
}

static void *write_job(void *arg)
{
	struct dumps *dumps = arg;

	dumps->error = recorder_write(&dumps->job);
	atomic_store_explicit(&dumps->written, 1, memory_order_release);
	drain_wake(dumps->shared);
	return NULL;
}

static bool write_in_thread(struct drain *drain)
{
	struct dumps *dumps = &drain->dumps;
	pthread_attr_t attributes;
	bool made;

	if (drain->segment.writer.reopens || drain_is_over(drain))
		return false;
	atomic_store(&dumps->written, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, DUMP_STACK);
	made = pthread_create(&dumps->thread, &attributes, write_job, dumps) == 0;
	pthread_attr_destroy(&attributes);
	return made;
}

/* The segments are sealed. */
static void dump_start(struct drain *drain, int at)
{
	struct shared_dump *place = &drain->shared->dumps[at];
	int error;

	job_fill(drain, place);
	error = recorder_hold(&drain->dumps.job);
	atomic_store(&place->state, DUMP_WRITING);
	if (error) {
		recorder_let_go(drain->dumps.job.from);
		answer(drain, place, error);
	} else if (write_in_thread(drain))
		drain->dumps.writing = at;
	else
		answer(drain, place, recorder_write(&drain->dumps.job));
}

/* ---- What is asked for ----------------------------------------------------------------------- */

static uint64_t due_ns(const struct shared_dump *place)
{
	uint64_t asked_ns = place->asked_ns, next_ns = place->next_ns;

	return next_ns < UINT64_MAX - asked_ns ? asked_ns + next_ns : UINT64_MAX;
}

/* A place that is asked for, and when it is due. */
static bool is_asked(const struct shared_dump *place)
{
	/* Acquire: pairs with the release of who asks. */
	return atomic_load_explicit(&place->state, memory_order_acquire) == DUMP_ASKED;
}

static void writing_end(struct drain *drain)
{
	struct dumps *dumps = &drain->dumps;

	pthread_join(dumps->thread, NULL);
	answer(drain, &drain->shared->dumps[dumps->writing], dumps->error);
	dumps->writing = NONE;
}

void dumps_init(struct drain *drain)
{
	struct dumps *dumps = &drain->dumps;

	dumps->shared = drain->shared;
	dumps->due = dumps->writing = NONE;
	dumps->on = drain->segment.writer.mode == SHARED_WRITER_RECORDER;
	if (!dumps->on)
		return;
	recorder_let_go(drain->segment.writer.dir);
	for (uint32_t i = 0; i < SHARED_DUMPS_MAX; i++)
		if (atomic_load(&drain->shared->dumps[i].state) == DUMP_WRITING)
			atomic_store(&drain->shared->dumps[i].state, DUMP_ASKED);
}

void dumps_note(struct drain *drain)
{
	struct dumps *dumps = &drain->dumps;

	dumps->due = NONE;
	if (!dumps->on)
		return;
	if (dumps->writing != NONE && atomic_load_explicit(&dumps->written, memory_order_acquire))
		writing_end(drain);
	for (int i = 0; i < SHARED_DUMPS_MAX; i++) {
		struct shared_dump *place = &drain->shared->dumps[i];
		uint32_t done = DUMP_DONE;

		if (is_asked(place) && drain->now_ns >= due_ns(place))
			dumps->due = i;
		else if (atomic_load(&place->state) == DUMP_DONE &&
			 drain->now_ns - place->done_ns > ANSWER_KEPT_NS)
			atomic_compare_exchange_strong(&place->state, &done, DUMP_FREE);
	}
	if (dumps->writing != NONE)
		dumps->due = NONE;
}

void dumps_write_due(struct drain *drain)
{
	if (drain->dumps.due == NONE || drain_is_over(drain))
		return;
	rings_seal(drain, TRACE_SEAL_ROTATED);
	dump_start(drain, drain->dumps.due);
}

int dumps_wait_ms(const struct drain *drain)
{
	uint64_t first_ns = UINT64_MAX;

	for (int i = 0; drain->dumps.on && i < SHARED_DUMPS_MAX; i++) {
		const struct shared_dump *place = &drain->shared->dumps[i];

		if (is_asked(place) && due_ns(place) < first_ns)
			first_ns = due_ns(place);
	}
	if (first_ns == UINT64_MAX || drain->dumps.writing != NONE)
		return NONE;
	if (first_ns <= drain->now_ns)
		return 0;
	first_ns = (first_ns - drain->now_ns) / MILLISECOND_NS + 1;
	return first_ns < INT32_MAX ? (int)first_ns : INT32_MAX;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Whether it died, and in words how. An exec is no death, and neither is _exit(). */
static bool died(const struct drain *drain, char *reason, size_t bytes)
{
	uint32_t gone = drain->program_gone ? atomic_load(drain->program_gone) : 0;
	int number = (int)(gone >> PROGRAM_GONE_SHIFT) & STATUS_SIGNAL;
	const char *name = sigabbrev_np(number);

	if (drain->asked.exiting || !gone)
		return false;
	if (!(gone & PROGRAM_GONE_STATUS))
		snprintf(reason, bytes, "ended without exit(); how is not known");
	else if (name)
		snprintf(reason, bytes, "killed by signal %d (SIG%s)", number, name);
	else
		snprintf(reason, bytes, "killed by signal %d", number);
	return !(gone & PROGRAM_GONE_STATUS) || number != 0;
}

static void dump_now(struct drain *drain, enum trace_dump_cause cause, const char *reason)
{
	struct dump_request request = {
	    .cause = cause, .reason = reason, .last_ns = DUMP_REQUEST_ALL};
	int at = dump_request(drain->shared, &request);

	if (at >= 0)
		dump_start(drain, at);
}

void dumps_finish(struct drain *drain)
{
	char reason[TRACE_DUMP_REASON_BYTES];

	if (!drain->dumps.on)
		return;
	if (drain->dumps.writing != NONE)
		writing_end(drain);
	for (int i = 0; i < SHARED_DUMPS_MAX; i++)
		if (is_asked(&drain->shared->dumps[i]))
			dump_start(drain, i);
	drain->dumps.error = 0;
	if (!died(drain, reason, sizeof(reason)))
		return;
	dump_now(drain, TRACE_DUMP_DIED, reason);
	drain->dumps.keeps = drain->dumps.error != 0;
}

/* UVTRACE_TRIGGER has exit!=0, and it did. Where its status is not known: no. */
static bool ended_badly(const struct drain *drain, char *reason, size_t bytes)
{
	uint32_t gone = drain->program_gone ? atomic_load(drain->program_gone) : 0;
	int status = (int)(gone >> PROGRAM_GONE_SHIFT);

	if (!drain->shared->options.triggers[SHARED_TRIGGER_EXIT] || !(gone & PROGRAM_GONE_STATUS))
		return false;
	snprintf(reason, bytes, "exit!=0: it exited with status %d", status >> 8);
	return (status & STATUS_SIGNAL) == 0 && status >> 8 != 0;
}

bool dumps_end(struct drain *drain)
{
	char reason[TRACE_DUMP_REASON_BYTES];

	if (!drain->dumps.on)
		return true;
	if (ended_badly(drain, reason, sizeof(reason)))
		dump_now(drain, TRACE_DUMP_TRIGGER, reason);
	if (drain->dumps.keeps)
		return false;
	recorder_remove(drain->self_path);
	return true;
}
