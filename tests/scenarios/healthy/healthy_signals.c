/* SPDX-License-Identifier: Apache-2.0
 *
 * A program counts signals that another thread sends it.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

#include <signal.h>

static void reload(uv_signal_t *signal, int number)
{
	(void)signal;
	(void)number;
}

static void send_signals(void *arg)
{
	(void)arg;
	for (int i = 0; i < 60; i++) {
		kill(getpid(), SIGUSR1);
		usleep(25000);
	}
}

int main(void)
{
	uv_thread_t thread;
	uv_signal_t signal;

	check(uv_signal_init(uv_default_loop(), &signal), "uv_signal_init");
	check(uv_signal_start(&signal, reload, SIGUSR1), "uv_signal_start");
	check(uv_thread_create(&thread, send_signals, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 1700);
	uv_thread_join(&thread);
	return 0;
}
