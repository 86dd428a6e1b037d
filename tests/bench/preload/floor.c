/* SPDX-License-Identifier: Apache-2.0
 *
 * What no tracer of the echo server can go below: a preload that reads the clock where a poll
 * begins and ends, and looks at what uv_write returns. It records nothing, and knows one callback
 * of each kind only.
 *
 * Its cost is the clock's, and that of two functions more which are left after a system call was
 * made inside them: where the kernel's defence against speculation spoils the predicted returns,
 * such a return is a misprediction.
 */
#include <dlfcn.h>
#include <uv.h>

#include "ring/clock.h"

static uv_read_cb read_callback;
static uv_write_cb write_callback;
static volatile uint64_t last_counter, written;

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf)
{
	last_counter = clock_counter();
	read_callback(stream, bytes, buf);
	last_counter = clock_counter();
}

static void on_write(uv_write_t *request, int status)
{
	last_counter = clock_counter();
	write_callback(request, status);
	last_counter = clock_counter();
}

int uv_read_start(uv_stream_t *stream, uv_alloc_cb alloc, uv_read_cb callback)
{
	read_callback = callback;
	return ((__typeof__(&uv_read_start))dlsym(RTLD_NEXT, "uv_read_start"))(stream, alloc,
									       on_read);
}

int uv_write(uv_write_t *request, uv_stream_t *stream, const uv_buf_t bufs[], unsigned int count,
	     uv_write_cb callback)
{
	static __typeof__(&uv_write) real;
	int rc;

	if (!real)
		real = (__typeof__(&uv_write))dlsym(RTLD_NEXT, "uv_write");
	write_callback = callback;
	rc = real(request, stream, bufs, count, on_write);
	written = written + (rc == 0);
	return rc;
}
