/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine gave the program, in words: CPUs, quota, throttling, steal, and how its threads
 * left their CPUs.
 *
 * Rules: only what samples say; where they say nothing, nothing is printed.
 */
#include <inttypes.h>

#include "report_text_internal.h"

static void print_cpus(const struct timeline_machine *machine, FILE *out)
{
	if (machine->cpus == 0)
		return;
	fprintf(out, "  %" PRIu64 " CPU%s", machine->cpus, plural(machine->cpus));
	if (machine->allowed > 0 && machine->allowed < machine->cpus)
		fprintf(out, ", of which the program may use %" PRIu64, machine->allowed);
	if (machine->quota > 0)
		fprintf(out, "; the cgroup quota is %.3g CPUs", (double)machine->quota / 1000);
	fputc('\n', out);
}

static void print_time(const struct timeline_machine *machine, FILE *out)
{
	double all =
	    (double)machine->busy_ns + (double)machine->idle_ns + (double)machine->steal_ns;

	if (machine->known && all > 0)
		fprintf(out,
			"  CPU time of all processes: %.0f%% busy; %.1f%% stolen by a hypervisor\n",
			100 * (double)machine->busy_ns / all,
			100 * (double)machine->steal_ns / all);
}

static void print_throttling(const struct timeline_machine *machine, FILE *out)
{
	char text[DURATION_TEXT_BYTES];

	if (machine->quota > 0 && machine->periods > 0)
		fprintf(out,
			"  the quota throttled the cgroup in %" PRIu64 " of %" PRIu64
			" period%s, for %s in total\n",
			machine->throttled_periods, machine->periods, plural(machine->periods),
			duration_format(machine->throttled_ns, text));
}

static void print_switches(const struct timeline *timeline, FILE *out)
{
	char counts[2][REPORT_COUNT_BYTES];
	uint64_t voluntary = 0, involuntary = 0;
	bool known = false;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_switches *switches = &timeline->workers[i].switches;
		known |= switches->known;
		voluntary += switches->known ? switches->voluntary : 0;
		involuntary += switches->known ? switches->involuntary : 0;
	}
	if (known)
		fprintf(out, "  context switches of workers: %s voluntary, %s involuntary\n",
			report_count(voluntary, counts[0]), report_count(involuntary, counts[1]));
}

int report_machine_print(const struct report *report, FILE *out)
{
	const struct timeline_machine *machine = &report->timeline->machine;

	if (machine->cpus == 0 && !machine->known)
		return 0;
	fputs("\nTHE MACHINE\n", out);
	print_cpus(machine, out);
	print_time(machine, out);
	print_throttling(machine, out);
	print_switches(report->timeline, out);
	return 0;
}
