/* SPDX-License-Identifier: Apache-2.0
 *
 * A native addon that calls libuv itself, whose functions are the program's: run(N) queues N items
 * of work, lets a timer fire N times, and sends N times to an async handle, each time when the last
 * one has been received. It prints how often each called back when node ends.
 */
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static uv_timer_t timer;
static uv_async_t async;
static unsigned int times, items, ticks, received;

static void on_work(uv_work_t *req)
{
	(void)req;
}

static void on_after(uv_work_t *req, int status)
{
	items += status == 0;
	free(req);
}

static void on_timer(uv_timer_t *handle)
{
	if (++ticks == times)
		uv_close((uv_handle_t *)handle, NULL);
}

static void on_async(uv_async_t *handle)
{
	if (++received == times)
		uv_close((uv_handle_t *)handle, NULL);
	else
		uv_async_send(handle);
}

static void print_counts(void *unused)
{
	printf("{\"after_work\": %u, \"timer\": %u, \"async\": %u}\n", items, ticks, received);
	fflush(stdout);
	(void)unused;
}

static napi_value run(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument;
	uv_loop_t *loop;

	napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
	napi_get_value_uint32(env, argument, &times);
	napi_add_env_cleanup_hook(env, print_counts, NULL);
	if (times == 0 || napi_get_uv_event_loop(env, &loop) != napi_ok)
		return NULL;
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, on_timer, 1, 1);
	uv_async_init(loop, &async, on_async);
	uv_async_send(&async);
	for (unsigned int i = 0; i < times; i++)
		uv_queue_work(loop, malloc(sizeof(uv_work_t)), on_work, on_after);
	return NULL;
}

NAPI_MODULE_INIT()
{
	napi_value function;

	napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, NULL, &function);
	napi_set_named_property(env, exports, "run", function);
	return exports;
}
