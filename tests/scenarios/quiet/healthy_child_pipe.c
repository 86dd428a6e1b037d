/* SPDX-License-Identifier: Apache-2.0
 *
 * Talks with a child over pipes: a line to it, the same line back.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static uv_pipe_t to_child, from_child;
static uv_process_t child;
static uv_timer_t lines;

static void line_written(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void line_came(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes < 0)
		uv_close((uv_handle_t *)stream, NULL);
}

static void child_ended(uv_process_t *process, int64_t status, int signal)
{
	(void)status;
	(void)signal;
	uv_close((uv_handle_t *)process, NULL);
}

static void say_line(uv_timer_t *timer)
{
	uv_buf_t buffer = uv_buf_init("a line\n", 7);
	uv_write_t *request;
	static int said;

	if (++said == 60) {
		uv_close((uv_handle_t *)&to_child, NULL);
		uv_timer_stop(timer);
		return;
	}
	request = malloc(sizeof(*request));
	if (request)
		uv_write(request, (uv_stream_t *)&to_child, &buffer, 1, line_written);
}

int main(void)
{
	char *arguments[] = {"cat", NULL};
	uv_stdio_container_t stdio[] = {
	    {UV_CREATE_PIPE | UV_READABLE_PIPE, {(uv_stream_t *)&to_child}},
	    {UV_CREATE_PIPE | UV_WRITABLE_PIPE, {(uv_stream_t *)&from_child}},
	};
	uv_process_options_t options = {.file = "cat",
					.args = arguments,
					.exit_cb = child_ended,
					.stdio = stdio,
					.stdio_count = 2};

	uv_pipe_init(uv_default_loop(), &to_child, 0);
	uv_pipe_init(uv_default_loop(), &from_child, 0);
	check(uv_spawn(uv_default_loop(), &child, &options), "uv_spawn");
	uv_read_start((uv_stream_t *)&from_child, give_buffer, line_came);
	every(uv_default_loop(), &lines, say_line, 25);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
