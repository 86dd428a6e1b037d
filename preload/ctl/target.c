/* SPDX-License-Identifier: Apache-2.0
 *
 * See target.h.
 */
#include "target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/open_stack.h"
#include "format/trace_tables.h"
#include "observe/modules.h"
#include "ring/clock.h"
#include "ring/current_callback.h"

int target_fail(uint32_t pid, const char *what)
{
	fprintf(stderr, "trace_ctl: process %u: %s\n", pid, what);
	return 1;
}

void target_print_duration(uint64_t ns)
{
	if (ns < 10000)
		printf("%" PRIu64 " ns", ns);
	else if (ns < 10000000)
		printf("%.1f µs", ns / 1e3);
	else if (ns < 10000000000)
		printf("%.1f ms", ns / 1e6);
	else
		printf("%.1f s", ns / 1e9);
}

/* Nanoseconds from that counter value to now, by the rate since the process began to record. */
static uint64_t elapsed_ns(const struct shared *shared, uint64_t counter)
{
	struct trace_clock_pair now = clock_pair_read(shared->clock);
	double ticks = now.counter - shared->start.counter;
	double ns = now.mono_ns - shared->start.mono_ns;

	return now.counter <= counter || ticks <= 0
		   ? 0
		   : (uint64_t)((now.counter - counter) * (ns / ticks));
}

/* What was open at the ring's tail, of which the records are perhaps gone. False: it just moves. */
static bool open_at_tail(const struct shared_ring *ring, uint64_t tail, struct open_stack *open)
{
	for (int i = 0; i < 2; i++) {
		struct shared_open kept = ring->open[i];
		uint32_t count = kept.count < SHARED_OPEN_MAX ? kept.count : SHARED_OPEN_MAX;

		open_take(open, kept.open, count);
		open->beyond = kept.count - count;
		if (kept.index == tail && atomic_load(&ring->tail) == tail)
			return true;
	}
	return false;
}

/* Looks back as far as half the ring: what lies before may be overwritten meanwhile. */
struct record target_doing(struct shared *shared, uint32_t index, uint64_t head)
{
	const struct shared_ring *ring = &shared->rings[index];
	uint64_t capacity = shared->ring_bytes / sizeof(struct record);
	struct laps laps = laps_read(ring, capacity);
	uint64_t half = laps.size / 2, tail = atomic_load(&ring->tail), back = head - tail;
	struct record doing;
	struct open_stack open = {0};
	struct trace_context before;
	uint32_t ended;

	doing = current_callback_find(shared_ring_records(shared, index), &laps, head,
				      head < half ? head : half, &ended);
	if (doing.word || tail > head || back > half)
		return doing;
	current_callback_find(shared_ring_records(shared, index), &laps, head, back, &ended);
	if (!open_at_tail(ring, tail, &open) || !open_before(&open, ended, &before))
		return doing;
	return (struct record){before.tick << (shared->unit_shift & 63), before.word};
}

/* "name" or "module+0xoffset", from the process itself. */
void target_print_address(const struct target *target, uint64_t address)
{
	static struct modules modules;
	struct module_symbol symbol = {.address = address};
	const struct module *module;

	if (!modules.count) {
		modules_init(&modules, target->pid);
		modules_read(&modules);
	}
	modules_resolve(&modules, &symbol, 1);
	module = modules_find(&modules, address);
	if (symbol.name.bytes)
		printf("%.*s", symbol.name.bytes, modules.text + symbol.name.at);
	else if (module) {
		const char *path = modules.text + module->path.at;
		const char *slash = memrchr(path, '/', module->path.bytes);
		const char *name = slash ? slash + 1 : path;

		printf("%.*s+0x%" PRIx64, (int)(path + module->path.bytes - name), name,
		       address - module->file.bias);
	} else
		printf("0x%" PRIx64, address);
}

static void print_poll(const struct target *target, struct record record)
{
	static const struct shared_site unknown = {.kind = KIND_COUNT};
	uint32_t index = trace_word_code(record.word) - TRACE_CODE_POLL;
	const struct shared_site *site = index < atomic_load(&target->shared->site_count)
					     ? &target->shared->sites[index]
					     : &unknown;
	const char *kind = site->kind < KIND_COUNT ? trace_kinds[site->kind].name : NULL;

	printf("in the %s callback ", kind ? kind : "?");
	target_print_address(target, site->callback);
	printf(" of 0x%" PRIx64, trace_word_object(record.word));
}

void target_print_doing(const struct target *target, struct record record)
{
	uint32_t code = trace_word_code(record.word);

	if (trace_word_is_poll(record.word))
		print_poll(target, record);
	else
		printf("%s", code == TRACE_PARK		? "parked"
			     : code == TRACE_LOOP_LEAVE ? "outside of uv_run"
							: "between callbacks");
	if (!record.counter)
		return;
	printf(" for ");
	target_print_duration(elapsed_ns(target->shared, record.counter));
}
