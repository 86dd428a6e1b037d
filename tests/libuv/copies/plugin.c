/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that runs a loop of its own with whatever libuv the dynamic linker gives it: timers, and
 * work on the pool. Says of each callback in which object the uv_run that called it lies, and of a
 * function that nobody interposes in which object that one lies. What it says must be the same with
 * and without the preload.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define FRAMES 32
#define TIMERS 5
#define ITEMS  7

int plugin_run(const char *name);

static const char *plugin_name;
static unsigned int timers, items, finished;
static char timer_object[256];

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *object_of(void *address)
{
	Dl_info info;

	return dladdr(address, &info) && info.dli_fname ? base_name(info.dli_fname) : "nowhere";
}

/* The real uv_run on the stack: the tracer has a function of that name above it. */
static void note_uv_run(void)
{
	void *frames[FRAMES];
	int count = backtrace(frames, FRAMES);
	Dl_info info;

	for (int i = 0; i < count; i++) {
		if (!dladdr(frames[i], &info) || !info.dli_sname ||
		    strcmp(info.dli_sname, "uv_run") != 0)
			continue;
		snprintf(timer_object, sizeof(timer_object), "%s", base_name(info.dli_fname));
		return;
	}
}

static void on_timer(uv_timer_t *timer)
{
	note_uv_run();
	if (++timers == TIMERS)
		uv_close((uv_handle_t *)timer, NULL);
}

static void on_work(uv_work_t *req)
{
	__atomic_fetch_add(&items, 1, __ATOMIC_RELAXED);
	(void)req;
}

static void on_after(uv_work_t *req, int status)
{
	finished += status == 0;
	(void)req;
}

int plugin_run(const char *name)
{
	static uv_loop_t loop;
	static uv_timer_t timer;
	static uv_work_t work[ITEMS];

	plugin_name = name;
	if (uv_loop_init(&loop))
		return -1;
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_timer, 1, 1);
	for (int i = 0; i < ITEMS; i++)
		uv_queue_work(&loop, &work[i], on_work, on_after);
	uv_run(&loop, UV_RUN_DEFAULT);
	printf(
	    "%s: uv_loop_init in %s, uv_run in %s, %u timers, %u items, %u finished, closed %d\n",
	    plugin_name, object_of((void *)uv_loop_init), timer_object, timers, items, finished,
	    uv_loop_close(&loop));
	return 0;
}
