/* SPDX-License-Identifier: Apache-2.0
 *
 * See trigger_signal.h.
 *
 * Rules: a signal is the program's where it has a handler for it or ignores it; if it sets one
 * later, ours is gone. What a signal interrupts is begun again.
 */
#include "trigger_signal.h"

#include <signal.h>
#include <string.h>

#include "program/log.h"
#include "program/process.h"
#include "ring/dump_request.h"

static void take(int number)
{
	static const char reason[] = "signal=";
	char text[sizeof(reason) + 16] = "signal=";
	const char *name = sigabbrev_np(number);

	strncpy(text + sizeof(reason) - 1, name ? name : "?", 15);
	if (process_shared())
		dump_trigger(process_shared(), text);
}

void trigger_signal_take(const struct shared *shared)
{
	struct sigaction ours = {.sa_handler = take, .sa_flags = SA_RESTART}, theirs;
	int number = (int)shared->options.triggers[SHARED_TRIGGER_SIGNAL];

	if (shared->options.writer != SHARED_WRITER_RECORDER || number == 0)
		return;
	if (sigaction(number, NULL, &theirs) != 0 || theirs.sa_flags & SA_SIGINFO ||
	    theirs.sa_handler != SIG_DFL)
		log_warn("UVTRACE_TRIGGER: the program uses SIG%s itself, which triggers nothing",
			 sigabbrev_np(number));
	else
		sigaction(number, &ours, NULL);
}
