/* SPDX-License-Identifier: Apache-2.0
 *
 * A small service with a mistake in it. A client asks for a page over TCP, again and again; each
 * page is served after a look at a file, which libuv does on its thread pool. Now and then somebody
 * asks for the monthly report, and render_report() computes it right there, on the loop: for as
 * long as that takes, nobody is answered.
 *
 * Nothing here knows about tracing. Record it into a single file, then read it:
 *
 *     scripts/uvtrace --writer=single -- build/examples/telemetry_demo
 *     build/analyze_trace
 *
 * The report's place at the top of the longest polls is what this example shows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#define REQUESTS     2000
#define REPORT_EVERY 400
#define REPORT_MS    45

struct page {
	uv_fs_t stat;
	uv_write_t write;
	uv_stream_t *client;
};

static uv_tcp_t listener, served, browser;
static uv_connect_t connecting;
static uv_write_t asking;
static char served_bytes[64], browser_bytes[64];
static int answered, reports;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The mistake: work that belongs on the pool (uv_queue_work). */
static void render_report(uv_timer_t *timer)
{
	uint64_t end_ns = now_ns() + REPORT_MS * 1000000u;

	while (now_ns() < end_ns)
		;
	reports++;
	uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

static void order_report(uv_loop_t *loop)
{
	uv_timer_t *timer = malloc(sizeof(*timer));

	if (!timer)
		return;
	uv_timer_init(loop, timer);
	uv_timer_start(timer, render_report, 0, 0);
}

/* ---- The server ------------------------------------------------------------------------------ */

static void provide_served_bytes(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(served_bytes, sizeof(served_bytes));
}

static void page_sent(uv_write_t *write, int status)
{
	(void)status;
	free(write->data);
}

static void page_found(uv_fs_t *stat)
{
	struct page *page = stat->data;
	uv_buf_t buf = uv_buf_init((char *)"<html/>\n", 8);

	uv_fs_req_cleanup(stat);
	page->write.data = page;
	if (uv_write(&page->write, page->client, &buf, 1, page_sent) != 0)
		free(page);
}

static void request_arrived(uv_stream_t *client, ssize_t count, const uv_buf_t *buf)
{
	struct page *page;

	(void)buf;
	if (count <= 0) {
		uv_close((uv_handle_t *)client, NULL);
		uv_close((uv_handle_t *)&listener, NULL);
		return;
	}
	page = calloc(1, sizeof(*page));
	if (!page)
		return;
	page->client = client;
	page->stat.data = page;
	uv_fs_stat(client->loop, &page->stat, "/", page_found);
}

static void client_came(uv_stream_t *stream, int status)
{
	if (status != 0)
		return;
	uv_tcp_init(stream->loop, &served);
	uv_accept(stream, (uv_stream_t *)&served);
	uv_read_start((uv_stream_t *)&served, provide_served_bytes, request_arrived);
}

/* ---- The browser ----------------------------------------------------------------------------- */

static void provide_browser_bytes(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(browser_bytes, sizeof(browser_bytes));
}

static void ask(void)
{
	uv_buf_t buf = uv_buf_init((char *)"GET /page\n", 10);

	uv_write(&asking, (uv_stream_t *)&browser, &buf, 1, NULL);
}

static void page_arrived(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
	(void)buf;
	if (count <= 0)
		return;
	answered++;
	if (answered % REPORT_EVERY == 0)
		order_report(stream->loop);
	if (answered == REQUESTS)
		uv_close((uv_handle_t *)stream, NULL);
	else
		ask();
}

static void browser_connected(uv_connect_t *connect, int status)
{
	if (status != 0)
		return;
	uv_read_start(connect->handle, provide_browser_bytes, page_arrived);
	ask();
}

static int start_service(uv_loop_t *loop)
{
	struct sockaddr_storage bound;
	int length = sizeof(bound);
	struct sockaddr_in any;
	int error;

	uv_ip4_addr("127.0.0.1", 0, &any);
	uv_tcp_init(loop, &listener);
	uv_tcp_init(loop, &browser);
	error = uv_tcp_bind(&listener, (struct sockaddr *)&any, 0);
	if (error == 0)
		error = uv_listen((uv_stream_t *)&listener, 16, client_came);
	if (error == 0)
		error = uv_tcp_getsockname(&listener, (struct sockaddr *)&bound, &length);
	if (error == 0)
		error = uv_tcp_connect(&connecting, &browser, (struct sockaddr *)&bound,
				       browser_connected);
	return error;
}

int main(void)
{
	uint64_t start_ns = now_ns();
	int error = start_service(uv_default_loop());

	if (error != 0) {
		fprintf(stderr, "telemetry_demo: %s\n", uv_strerror(error));
		return 1;
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	uv_loop_close(uv_default_loop());
	printf("answered %d requests in %" PRIu64
	       " ms; render_report held the loop %d times, for %d ms each\n",
	       answered, (now_ns() - start_ns) / 1000000u, reports, REPORT_MS);
	return 0;
}
