/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads all workers of a process on as many cores as there are. The workers' streams are cut into
 * parts of whole blocks; each part is a task, taken in the order of time by any thread, and added
 * up by itself. Tasks are then retired in that same order, by one thread at a time: their xevents
 * go to the merge, which so sees them by time.
 *
 * Rules: the result does not depend on the number of threads, since the parts do not. Memory is
 * bounded: no task is begun that lies more than WINDOW tasks a thread ahead of the one to be
 * retired next.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

#define BATCH_ITEMS 1024
#define PART_EVENTS 65536
#define THREADS_MAX 16
#define WINDOW	    4

struct task {
	size_t worker; /* position */
	struct trace_part part;
	uint64_t first_tick; /* nothing of it is earlier; never less than that of the task before of
				this worker */
	uint64_t last_before; /* where the part before ended */
	uint64_t next_tick;   /* where the next part begins, if nothing is missing between;
				 UINT64_MAX: it is */
	bool later, last;     /* not the worker's first part; its last */
	bool done;
	/* What it gave, between done and retired. */
	struct timeline_worker facts;
	struct xevent_queue xevents, watched;
	struct request_partial requests;
	struct iteration_pieces pieces;
	char *problem;
};

struct tasks {
	struct trace *trace;
	size_t process;
	struct timeline *timeline;
	struct task **list;	      /* by first_tick; NULL once retired */
	struct iteration_piece *open; /* of each worker, when its last part was retired */
	size_t count, capacity, next, retired, window;
	bool retiring;
	int error;
	pthread_mutex_t lock; /* of next, retired, retiring, error and each task's done */
	pthread_cond_t moved; /* retired or error changed */
	trace_progress progress;
	void *arg;
};

struct thread {
	struct tasks *tasks;
	struct timeline_partial partial;
	pthread_t thread;
	int error;
};

/* ---- Cutting --------------------------------------------------------------------------------- */

static void task_set(struct task *task, size_t worker, const struct trace_part *parts, size_t i,
		     size_t count)
{
	task->worker = worker;
	task->part = parts[i];
	task->later = i > 0;
	task->last = i + 1 == count;
	task->last_before = i > 0 ? parts[i - 1].last_tick : 0;
	task->next_tick =
	    !task->last && parts[i + 1].missing == 0 ? parts[i + 1].first_tick : UINT64_MAX;
}

static int tasks_reserve(struct tasks *tasks, size_t more)
{
	size_t capacity = tasks->capacity ? tasks->capacity : 64;

	while (capacity - tasks->count < more)
		capacity *= 2;
	if (capacity == tasks->capacity)
		return 0;
	struct task **list = realloc(tasks->list, capacity * sizeof(struct task *));
	if (!list)
		return -ENOMEM;
	tasks->list = list;
	tasks->capacity = capacity;
	return 0;
}

static int worker_cut(struct tasks *tasks, size_t worker)
{
	const struct trace_worker *entry = &tasks->timeline->process->workers[worker];
	/* What an iteration began with is not in the part that it ends in; where iterations are all
	 * there is, nothing is cut. */
	bool whole = tasks->timeline->process->tier == TRACE_TIER_LIBC;
	uint64_t part_events = whole ? UINT64_MAX : PART_EVENTS;
	size_t count = trace_parts(entry, part_events, NULL);
	struct trace_part *parts = calloc(count + 1, sizeof(*parts));
	uint64_t tick = entry->start_tick;

	if (!parts || tasks_reserve(tasks, count) < 0) {
		free(parts);
		return -ENOMEM;
	}
	trace_parts(entry, part_events, parts);
	for (size_t i = 0; i < count; i++) {
		struct task *task = calloc(1, sizeof(*task));
		if (!task)
			break;
		task_set(task, worker, parts, i, count);
		if (i > 0 ? parts[i].first_tick > tick : parts[i].first_tick < tick)
			tick = parts[i].first_tick;
		task->first_tick = tick;
		tasks->list[tasks->count++] = task;
	}
	free(parts);
	return tasks->count > 0 || count == 0 ? 0 : -ENOMEM;
}

static int compare_earlier_first(const void *a, const void *b)
{
	const struct task *x = *(struct task *const *)a, *y = *(struct task *const *)b;

	if (x->first_tick != y->first_tick)
		return x->first_tick < y->first_tick ? -1 : 1;
	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return x->part.first_block < y->part.first_block ? -1 : 1;
}

static int tasks_cut(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->timeline->process->worker_count; i++) {
		if (worker_cut(tasks, i) < 0)
			return -ENOMEM;
	}
	if (tasks->count > 1)
		qsort(tasks->list, tasks->count, sizeof(struct task *), compare_earlier_first);
	return 0;
}

/* ---- One task -------------------------------------------------------------------------------- */

static int task_read(struct trace_cursor *cursor, struct stream *stream, struct trace_item *items)
{
	size_t count;
	int error = 0;

	while (error == 0 &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH_ITEMS)) > 0) {
		size_t context_count = 0;
		bool after_gap = false;
		const struct trace_context *context =
		    trace_cursor_context(cursor, &context_count, &after_gap);
		error = stream_feed(stream, items, count, context, context_count, after_gap);
	}
	return error;
}

static int task_end(const struct tasks *tasks, struct task *task, struct stream *stream)
{
	if (task->last)
		return stream_end(stream, timeline_worker_end(tasks->timeline, task->worker));
	if (task->next_tick == UINT64_MAX)
		return stream_suspend(stream, stream->last_tick);
	iteration_suspend(stream);
	return stream_suspend(stream, task->next_tick);
}

static int task_run(struct tasks *tasks, struct task *task, struct timeline_partial *partial,
		    struct trace_item *items)
{
	struct trace_cursor *cursor =
	    trace_cursor_open_part(tasks->trace, tasks->process, task->worker, &task->part);
	struct stream stream;

	if (!cursor)
		return -ENOMEM;
	stream_begin(&stream, tasks->timeline, task->worker);
	stream.facts = &task->facts;
	stream.xevents = &task->xevents;
	stream.watched = stream.watched ? &task->watched : NULL;
	stream.requests = &task->requests;
	stream.pieces = &task->pieces;
	stream.partial = partial;
	stream.later = task->later && task->part.missing == 0;
	stream.last_tick = stream.later ? task->part.first_tick : task->last_before;
	stream.before_tick = task->last_before;
	int error = task_read(cursor, &stream, items);
	if (error == 0)
		error = task_end(tasks, task, &stream);
	const char *problem = trace_cursor_problem(cursor);
	if (problem)
		task->problem = strdup(problem);
	trace_cursor_close(cursor);
	return error;
}

/* ---- Retiring, in the order of time ---------------------------------------------------------- */

static void task_free(struct task *task)
{
	if (!task)
		return;
	histogram_clear(&task->facts.polls);
	histogram_clear(&task->facts.ready);
	free(task->xevents.entries);
	free(task->watched.entries);
	request_partial_clear(&task->requests);
	free(task->problem);
	free(task);
}

static void tell(const struct tasks *tasks, uint64_t tick)
{
	const struct trace_process *process = tasks->timeline->process;

	if (tasks->progress && tick >= process->first_tick && tick <= process->last_tick)
		tasks->progress(tasks->arg, tick - process->first_tick,
				process->last_tick - process->first_tick);
}

static int task_retire(struct tasks *tasks, size_t at)
{
	struct timeline *timeline = tasks->timeline;
	struct task *task = tasks->list[at];
	uint64_t settled = at + 1 < tasks->count ? tasks->list[at + 1]->first_tick : UINT64_MAX;
	int error = xevent_queue_move(&timeline->hidden->xevents[task->worker], &task->xevents);

	if (error == 0 && timeline->hidden->watched)
		error = xevent_queue_move(&timeline->hidden->watched[task->worker], &task->watched);
	merge_wake(timeline->hidden->merge, task->worker);
	timeline_worker_merge(&timeline->workers[task->worker], &task->facts);
	iteration_join(timeline, &tasks->open[task->worker], &task->pieces);
	if (error == 0)
		error = requests_merge(timeline, &task->requests);
	if (error == 0 && task->problem)
		error = timeline_problem_add(timeline, task->problem);
	tasks->list[at] = NULL;
	tell(tasks, task->first_tick);
	task_free(task);
	return error < 0 ? error : timeline_settle(timeline, settled);
}

/* Retires what can be; one thread does, while the others work on. With the lock held. */
static void tasks_retire(struct tasks *tasks)
{
	if (tasks->retiring)
		return;
	tasks->retiring = true;
	while (tasks->error == 0 && tasks->retired < tasks->count &&
	       tasks->list[tasks->retired]->done) {
		pthread_mutex_unlock(&tasks->lock);
		int error = task_retire(tasks, tasks->retired);
		pthread_mutex_lock(&tasks->lock);
		tasks->retired++;
		if (error < 0)
			tasks->error = error;
		pthread_cond_broadcast(&tasks->moved);
	}
	tasks->retiring = false;
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* The next task; NULL when there is none left. With the lock held. */
static struct task *tasks_take(struct tasks *tasks)
{
	while (tasks->error == 0 && tasks->next < tasks->count &&
	       tasks->next >= tasks->retired + tasks->window)
		pthread_cond_wait(&tasks->moved, &tasks->lock);
	return tasks->error == 0 && tasks->next < tasks->count ? tasks->list[tasks->next++] : NULL;
}

static int share_work(struct tasks *tasks, struct timeline_partial *partial,
		      struct trace_item *items)
{
	struct task *task;
	int error = 0;

	pthread_mutex_lock(&tasks->lock);
	while (error == 0 && (task = tasks_take(tasks)) != NULL) {
		pthread_mutex_unlock(&tasks->lock);
		error = task_run(tasks, task, partial, items);
		pthread_mutex_lock(&tasks->lock);
		task->done = true;
		if (error < 0)
			tasks->error = error;
		tasks_retire(tasks);
	}
	pthread_cond_broadcast(&tasks->moved);
	pthread_mutex_unlock(&tasks->lock);
	return error;
}

static void turns_open(const struct timeline *timeline, struct timeline_partial *partial)
{
	const struct timeline_watch *watch = timeline->options.watch;

	if (watch && watch->turns_make)
		partial->turns = watch->turns_make(watch->arg);
}

static void turns_merge(const struct timeline *timeline, struct timeline_partial *partial)
{
	const struct timeline_watch *watch = timeline->options.watch;

	if (partial->turns)
		watch->turns_merge(watch->arg, partial->turns);
	partial->turns = NULL;
}

static void *thread_run(void *arg)
{
	struct thread *thread = arg;
	struct trace_item *items = calloc(BATCH_ITEMS, sizeof(*items));

	thread->error =
	    items ? timeline_partial_open(thread->tasks->timeline, &thread->partial) : -ENOMEM;
	if (thread->error == 0) {
		turns_open(thread->tasks->timeline, &thread->partial);
		thread->error = share_work(thread->tasks, &thread->partial, items);
	}
	free(items);
	return NULL;
}

static size_t threads_wanted(const struct tasks *tasks)
{
	cpu_set_t cpus;
	size_t cores =
	    sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (size_t)CPU_COUNT(&cpus) : 1;

	if (cores > THREADS_MAX)
		cores = THREADS_MAX;
	return cores < tasks->count ? cores : tasks->count;
}

static void tasks_run(struct tasks *tasks)
{
	struct thread threads[THREADS_MAX] = {0};
	size_t wanted = threads_wanted(tasks), made = 1; /* the first is this one */

	tasks->window = WINDOW * (wanted + 1);
	threads[0].tasks = tasks;
	for (; made < wanted; made++) {
		threads[made].tasks = tasks;
		if (pthread_create(&threads[made].thread, NULL, thread_run, &threads[made]) != 0)
			break;
	}
	thread_run(&threads[0]);
	/* All of them first: whoever still works may be the one that retires, into the same tables.
	 */
	for (size_t i = 1; i < made; i++)
		pthread_join(threads[i].thread, NULL);
	for (size_t i = 0; i < made; i++) {
		turns_merge(tasks->timeline, &threads[i].partial);
		if (threads[i].error == 0)
			threads[i].error =
			    timeline_partial_merge(tasks->timeline, &threads[i].partial);
		if (threads[i].error < 0)
			tasks->error = threads[i].error;
		timeline_partial_free(tasks->timeline, &threads[i].partial);
	}
}

static void tasks_free(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->count; i++)
		task_free(tasks->list[i]);
	free(tasks->list);
	free(tasks->open);
	pthread_cond_destroy(&tasks->moved);
	pthread_mutex_destroy(&tasks->lock);
}

struct timeline *timeline_read(struct trace *trace, size_t process,
			       const struct timeline_options *options, trace_progress progress,
			       void *arg)
{
	struct tasks tasks = {.trace = trace, .process = process, .progress = progress, .arg = arg};
	struct timeline *timeline = tasks.timeline =
	    timeline_make(&trace->processes[process], options);

	if (!timeline)
		return NULL;
	pthread_mutex_init(&tasks.lock, NULL);
	pthread_cond_init(&tasks.moved, NULL);
	tasks.open = calloc(tasks.timeline->process->worker_count + 1, sizeof(*tasks.open));
	tasks.error = tasks.open ? tasks_cut(&tasks) : -ENOMEM;
	if (tasks.error == 0)
		tasks_run(&tasks);
	tasks_free(&tasks);
	if (tasks.error == 0)
		tasks.error = timeline_finish(timeline);
	if (tasks.error == 0)
		return timeline;
	timeline_free(timeline);
	return NULL;
}
