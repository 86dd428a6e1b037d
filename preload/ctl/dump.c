/* SPDX-License-Identifier: Apache-2.0
 *
 * See dump.h.
 */
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "files/reason.h"
#include "program/time_text.h"
#include "ring/dump_request.h"

#define WRITING_NS	 60000000000ull /* that it may take */
#define MILLISECONDS(ns) ((double)(ns) / 1e6)

static struct dump_request request = {
    .cause = TRACE_DUMP_ASKED, .reason = "", .last_ns = DUMP_REQUEST_ALL, .waits = true};

static const struct {
	const char *name;
	uint64_t *ns; /* NULL: the reason */
} options[] = {{"--last=", &request.last_ns}, {"--next=", &request.next_ns}, {"--reason=", NULL}};

static bool usage_fail(const char *text, const char *what)
{
	fprintf(stderr, "trace_ctl: %s: %s\nTry 'trace_ctl --help'.\n", text, what);
	return false;
}

static bool option_take(const char *text)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t bytes = strlen(options[i].name);

		if (strncmp(text, options[i].name, bytes) != 0)
			continue;
		if (!options[i].ns)
			request.reason = text + bytes;
		else if (time_text_parse(text + bytes, SIZE_MAX, options[i].ns) != 0)
			return usage_fail(text, "not a time; write 30s, 500ms or 5m");
		return true;
	}
	return usage_fail(text, "no such option of dump");
}

bool dump_options(char **arguments, int count)
{
	for (int i = 0; i < count; i++)
		if (!option_take(arguments[i]))
			return false;
	if (strlen(request.reason) >= TRACE_DUMP_REASON_BYTES)
		return usage_fail("--reason", "127 bytes at most");
	return true;
}

static int not_asked(const struct target *target, int error)
{
	return target_fail(target->pid,
			   error == -EOPNOTSUPP
			       ? "it has no flight recorder: its events are in files already "
				 "(UVTRACE_WRITER=recorder makes one)"
			       : "eight dumps are asked for already");
}

/* By how much the dump has less than was asked for. */
static void print_range(const struct shared_dump *answer)
{
	uint64_t from_ns = answer->requested_from_ns, to_ns = answer->requested_to_ns;

	fprintf(stderr, "trace_ctl: it covers %.3f ms",
		MILLISECONDS(answer->covered_to_ns - answer->covered_from_ns));
	if (from_ns != 0 && answer->covered_from_ns > from_ns)
		fprintf(stderr,
			"; the first %.3f ms that were asked for are gone "
			"(UVTRACE_RECORDER_SIZE)",
			MILLISECONDS(answer->covered_from_ns - from_ns));
	if (answer->covered_to_ns < to_ns)
		fprintf(stderr, "; the last %.3f ms that were asked for are not there: it ended",
			MILLISECONDS(to_ns - answer->covered_to_ns));
	fputc('\n', stderr);
}

static void print_path(const struct shared *shared, uint32_t number)
{
	char path[SHARED_PATH_BYTES + 64];

	dump_request_path(shared->options.path, shared->pid, number, path, sizeof(path));
	puts(path);
}

int dump(const struct target *target)
{
	struct shared *shared = target->shared;
	struct shared_dump answer;
	uint64_t most_ns = request.next_ns + WRITING_NS;
	char text[256];
	int place = dump_request(shared, &request);

	if (place < 0)
		return not_asked(target, place);
	if (dump_request_wait(shared, place, most_ns, &answer) != 0)
		return target_fail(target->pid, "no dump: the drain did not answer");
	if (answer.error) {
		snprintf(text, sizeof(text), "no dump: %s", reason_text(answer.error));
		return target_fail(target->pid, text);
	}
	print_path(shared, answer.number);
	print_range(&answer);
	return 0;
}

void dump_print_status(const struct shared *shared)
{
	if (shared->options.writer != SHARED_WRITER_RECORDER)
		return;
	printf("  flight recorder: the newest %" PRIu64 " MiB stay in memory; %" PRIu64
	       " dumps written, %" PRIu64 " suppressed (UVTRACE_TRIGGER_EVERY)\n",
	       shared->options.recorder_bytes >> 20, atomic_load(&shared->dumps_written),
	       atomic_load(&shared->dumps_suppressed));
}

void dump_tell_recovered(const struct shared *shared)
{
	printf("process %u: what it left is in ", shared->pid);
	print_path(shared, atomic_load(&shared->dump_number));
}
