/* SPDX-License-Identifier: Apache-2.0
 *
 * A server is at its limit of descriptors while clients keep coming: libuv accepts and closes them
 * without a callback.
 * expects: accept_limit client_came
 */
#include "../scenario.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define AT_ONCE 40

static struct sockaddr_in at;

static void client_came(uv_stream_t *server, int status)
{
	uv_tcp_t *client = malloc(sizeof(*client));

	if (status < 0 || !client)
		return;
	uv_tcp_init(server->loop, client);
	uv_accept(server, (uv_stream_t *)client); /* it stays */
}

static void come_and_go(void)
{
	for (;;) {
		int fds[AT_ONCE];

		for (int i = 0; i < AT_ONCE; i++) {
			fds[i] = socket(AF_INET, SOCK_STREAM, 0);
			if (connect(fds[i], (struct sockaddr *)&at, sizeof(at)) != 0)
				_exit(0);
		}
		usleep(1000);
		for (int i = 0; i < AT_ONCE; i++)
			close(fds[i]);
	}
}

int main(void)
{
	struct rlimit limit = {64, 64};
	uv_tcp_t server;

	at = tcp_listen(uv_default_loop(), &server, client_came);
	pid_t child = fork();
	if (child == 0)
		come_and_go();
	setrlimit(RLIMIT_NOFILE, &limit);
	run_for(uv_default_loop(), 2000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
