/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads keys from a terminal, where somebody types slowly.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

#include <fcntl.h>

static int terminal;

static void key_came(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)bytes;
	(void)buffer;
}

static void type_keys(void *arg)
{
	(void)arg;
	for (int i = 0; i < 40; i++) {
		if (write(terminal, "k\n", 2) != 2)
			return;
		usleep(35000);
	}
}

int main(void)
{
	uv_thread_t thread;
	uv_tty_t tty;

	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
		return 99;
	int keys = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	check(uv_tty_init(uv_default_loop(), &tty, keys, 1), "uv_tty_init");
	check(uv_read_start((uv_stream_t *)&tty, give_buffer, key_came), "uv_read_start");
	check(uv_thread_create(&thread, type_keys, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 1600);
	uv_thread_join(&thread);
	return 0;
}
