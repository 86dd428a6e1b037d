/* SPDX-License-Identifier: Apache-2.0
 *
 * State is saved under a file lock that another process holds now and then.
 * expects: blocked_syscall save_state
 */
#include "../scenario.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

static int fd;

static void beat(uv_timer_t *timer)
{
	(void)timer;
}

static void save_state(uv_timer_t *timer)
{
	(void)timer;
	flock(fd, LOCK_EX);
	flock(fd, LOCK_UN);
}

/* The other process: holds the lock for 100 ms, leaves it for 100 ms. */
static void hold_lock(const char *path)
{
	int own = open(path, O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 12; i++) {
		flock(own, LOCK_EX);
		usleep(100000);
		flock(own, LOCK_UN);
		usleep(100000);
	}
	_exit(0);
}

int main(void)
{
	char path[] = "/tmp/scenario-XXXXXX";
	uv_timer_t timer, heartbeat;

	fd = mkstemp(path);
	if (fd < 0)
		return 99;
	pid_t child = fork();
	if (child == 0)
		hold_lock(path);
	every(uv_default_loop(), &timer, save_state, 70);
	every(uv_default_loop(), &heartbeat, beat, 40);
	run_for(uv_default_loop(), 1800);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(path);
	return 0;
}
