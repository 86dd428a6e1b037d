/* SPDX-License-Identifier: Apache-2.0
 *
 * A game's main loop: draws for 4 ms, gives libuv what has come, sleeps until the next frame.
 * expects: healthy
 * not: spinning
 */
#include "../scenario.h"

static void packet_came(uv_udp_t *udp, ssize_t bytes, const uv_buf_t *buffer,
			const struct sockaddr *from, unsigned flags)
{
	(void)udp;
	(void)bytes;
	(void)buffer;
	(void)from;
	(void)flags;
}

static void autosave(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	struct sockaddr_in at;
	uv_timer_t timer;
	uv_udp_t udp;

	uv_ip4_addr("127.0.0.1", 0, &at);
	check(uv_udp_init(loop, &udp), "uv_udp_init");
	check(uv_udp_bind(&udp, (struct sockaddr *)&at, 0), "uv_udp_bind");
	check(uv_udp_recv_start(&udp, give_buffer, packet_came), "uv_udp_recv_start");
	every(loop, &timer, autosave, 1000);
	for (int frame = 0; frame < 150; frame++) {
		spin_us(4000);
		uv_run(loop, UV_RUN_NOWAIT);
		usleep(12600);
	}
	return 0;
}
