/* SPDX-License-Identifier: Apache-2.0
 *
 * See perfetto_packets.h.
 */
#include "perfetto_packets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/report_table.h"

#define CLOCK_REALTIME_ID  1
#define CLOCK_MONOTONIC_ID 3
#define STATE_CLEARED	   1
#define NEEDS_STATE	   2
#define UNIT_COUNT	   2
#define NAME_BYTES	   512
/* Of event names: behind that of waits two for each site, then the marks. */
#define NAME_SITES 2

/* ---- Numbers --------------------------------------------------------------------------------- */

/* The finalizer of splitmix64; never 0. */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15ull;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	value ^= value >> 31;
	return value ? value : 1;
}

uint64_t perfetto_id(const struct perfetto_packets *packets, uint64_t id)
{
	return mix(packets->hash ^ id);
}

uint64_t perfetto_track(const struct perfetto_packets *packets, enum perfetto_track track)
{
	return mix(packets->hash + track);
}

uint64_t perfetto_worker_track(const struct perfetto_packets *packets, size_t worker)
{
	return mix(packets->hash + PERFETTO_TRACK_RUNNING + 1 + worker);
}

uint64_t perfetto_ns(const struct perfetto_packets *packets, uint64_t tick)
{
	const struct trace_process *process = packets->process;
	uint64_t ns = trace_ns(process, tick);

	return packets->by_wall_clock ? process->start_real_ns + (ns - process->start_mono_ns) : ns;
}

/* ---- Packets --------------------------------------------------------------------------------- */

static void packet_write(struct perfetto_packets *packets, Perfetto__TracePacket *packet)
{
	Perfetto__Trace trace = PERFETTO__TRACE__INIT;
	size_t bytes;

	packet->has_trusted_packet_sequence_id = true;
	packet->trusted_packet_sequence_id = packets->sequence;
	trace.n_packet = 1;
	trace.packet = &packet;
	bytes = perfetto__trace__get_packed_size(&trace);
	if (bytes > packets->capacity && packets->error == 0) {
		uint8_t *grown = realloc(packets->packed, bytes * 2);

		packets->error = grown ? 0 : -ENOMEM;
		packets->packed = grown ? grown : packets->packed;
		packets->capacity = grown ? bytes * 2 : packets->capacity;
	}
	if (packets->error)
		return;
	perfetto__trace__pack(&trace, packets->packed);
	if (fwrite(packets->packed, 1, bytes, packets->out) != bytes)
		packets->error = -errno;
}

static void clocks_write(struct perfetto_packets *packets)
{
	const struct trace_process *process = packets->process;
	Perfetto__Clock real = PERFETTO__CLOCK__INIT, monotonic = PERFETTO__CLOCK__INIT;
	Perfetto__Clock *clocks[] = {&real, &monotonic};
	Perfetto__ClockSnapshot snapshot = PERFETTO__CLOCK_SNAPSHOT__INIT;
	Perfetto__TracePacketDefaults defaults = PERFETTO__TRACE_PACKET_DEFAULTS__INIT;
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
	uint32_t clock = packets->by_wall_clock ? CLOCK_REALTIME_ID : CLOCK_MONOTONIC_ID;

	real.has_clock_id = real.has_timestamp = true;
	real.clock_id = CLOCK_REALTIME_ID;
	real.timestamp = process->start_real_ns;
	monotonic.has_clock_id = monotonic.has_timestamp = true;
	monotonic.clock_id = CLOCK_MONOTONIC_ID;
	monotonic.timestamp = process->start_mono_ns;
	/* Monotonic clocks of several boots are not the same one. */
	snapshot.n_clocks = packets->by_wall_clock ? 1 : COUNT(clocks);
	snapshot.clocks = clocks;
	snapshot.has_primary_trace_clock = true;
	snapshot.primary_trace_clock = (int32_t)clock;
	defaults.has_timestamp_clock_id = true;
	defaults.timestamp_clock_id = clock;
	packet.clock_snapshot = &snapshot;
	packet.trace_packet_defaults = &defaults;
	packet.has_sequence_flags = packet.has_first_packet_on_sequence = true;
	packet.sequence_flags = STATE_CLEARED;
	packet.first_packet_on_sequence = true;
	packet_write(packets, &packet);
}

/* The names that each event of the process may use. */
static void names_write(struct perfetto_packets *packets)
{
	static const char *const categories[PERFETTO_CATEGORIES] = {"callback", "pool", "wait",
								    "mark"};
	static const char *const values[PERFETTO_VALUES] = {"object", "transaction", "cause", "cut",
							    "ready",  "value",	     "end"};
	Perfetto__InternedName names[PERFETTO_CATEGORIES + PERFETTO_VALUES + 1];
	Perfetto__InternedName *all[COUNT(names)];
	Perfetto__InternedData data = PERFETTO__INTERNED_DATA__INIT;
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;

	for (size_t i = 0; i < COUNT(names); i++) {
		size_t value = i - PERFETTO_CATEGORIES;
		bool is_category = i < PERFETTO_CATEGORIES, is_value = value < PERFETTO_VALUES;

		perfetto__interned_name__init(&names[i]);
		all[i] = &names[i];
		names[i].has_iid = true;
		names[i].iid = is_category ? i + 1 : is_value ? value + 1 : PERFETTO_NAME_WAIT;
		names[i].name = (char *)(is_category ? categories[i]
					 : is_value  ? values[value]
						     : "wait");
	}
	data.n_event_categories = PERFETTO_CATEGORIES;
	data.event_categories = all;
	data.n_debug_annotation_names = PERFETTO_VALUES;
	data.debug_annotation_names = all + PERFETTO_CATEGORIES;
	data.n_event_names = 1;
	data.event_names = all + PERFETTO_CATEGORIES + PERFETTO_VALUES;
	packet.interned_data = &data;
	packet.has_sequence_flags = true;
	packet.sequence_flags = NEEDS_STATE;
	packet_write(packets, &packet);
}

/* ---- Tracks ---------------------------------------------------------------------------------- */

static void track_write(struct perfetto_packets *packets, Perfetto__TrackDescriptor *track)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;

	track->has_uuid = true;
	packet.track_descriptor = track;
	packet_write(packets, &packet);
}

static void process_write(struct perfetto_packets *packets)
{
	const struct trace_process *process = packets->process;
	const char *slash = strrchr(process->exe, '/');
	char *name = report_clean(slash ? slash + 1 : process->exe);
	char *command = report_clean(process->cmdline);
	Perfetto__ProcessDescriptor descriptor = PERFETTO__PROCESS_DESCRIPTOR__INIT;
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;

	descriptor.has_pid = true;
	descriptor.pid = (int32_t)process->pid;
	descriptor.process_name = name;
	descriptor.n_cmdline = command != NULL;
	descriptor.cmdline = &command;
	track.uuid = perfetto_track(packets, PERFETTO_TRACK_PROCESS);
	track.process = &descriptor;
	track_write(packets, &track);
	free(name);
	free(command);
}

/* "libuv-worker (pool worker 3)" */
static void thread_write(struct perfetto_packets *packets, size_t position)
{
	const struct trace_worker *worker = &packets->process->workers[position];
	char *name = report_clean(worker->name), text[NAME_BYTES];
	Perfetto__ThreadDescriptor thread = PERFETTO__THREAD_DESCRIPTOR__INIT;
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;

	snprintf(text, sizeof(text), "%s%s(%s worker %u)", name ? name : "",
		 name && name[0] ? " " : "", trace_role_name(worker->role), worker->worker);
	free(name);
	thread.has_pid = thread.has_tid = true;
	thread.pid = (int32_t)packets->process->pid;
	thread.tid = worker->tid;
	thread.thread_name = text;
	track.uuid = perfetto_worker_track(packets, position);
	track.has_parent_uuid = true;
	track.parent_uuid = perfetto_track(packets, PERFETTO_TRACK_PROCESS);
	track.thread = &thread;
	track_write(packets, &track);
}

static void counter_write(struct perfetto_packets *packets, enum perfetto_track which,
			  const char *name)
{
	Perfetto__CounterDescriptor counter = PERFETTO__COUNTER_DESCRIPTOR__INIT;
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;

	counter.has_unit = true;
	counter.unit = UNIT_COUNT;
	track.uuid = perfetto_track(packets, which);
	track.has_parent_uuid = true;
	track.parent_uuid = perfetto_track(packets, PERFETTO_TRACK_PROCESS);
	track.name = (char *)name;
	track.counter = &counter;
	track_write(packets, &track);
}

/* ---- Names of events ------------------------------------------------------------------------- */

/* They wait in the event, and go into its packet. */
struct interned {
	Perfetto__InternedData data;
	Perfetto__InternedName name, *names;
	Perfetto__SourceLocation place, *places;
};

void perfetto_name_site(struct perfetto_packets *packets, Perfetto__TrackEvent *event,
			uint32_t site, bool work)
{
	const uint32_t unknown = (uint32_t)packets->process->site_count;
	uint32_t known = site < unknown ? site : unknown;

	event->has_name_iid = true;
	event->name_iid = NAME_SITES + 2 * (uint64_t)known + work;
	if (site < unknown && !work && symbols_site(packets->symbols, site, false)->file[0]) {
		event->has_source_location_iid = true;
		event->source_location_iid = (uint64_t)site + 1;
	}
}

void perfetto_name_mark(struct perfetto_packets *packets, Perfetto__TrackEvent *event,
			uint32_t name)
{
	const struct trace_process *process = packets->process;
	uint64_t known = name < process->name_count ? name : process->name_count;

	event->has_name_iid = true;
	event->name_iid = NAME_SITES + 2 * ((uint64_t)process->site_count + 1) + known;
}

static char *name_of(const struct perfetto_packets *packets, uint64_t place)
{
	const struct trace_process *process = packets->process;
	const uint64_t sites = 2 * ((uint64_t)process->site_count + 1);
	const char *kind, *name;
	char text[NAME_BYTES];

	if (place >= sites) {
		name = trace_name(process, (uint32_t)(place - sites));
		return report_clean(name ? name : "(unknown)");
	}
	kind = timeline_kind(process, (uint32_t)(place / 2));
	name = symbols_site(packets->symbols, (uint32_t)(place / 2), false)->name;
	snprintf(text, sizeof(text), "%s%s%s", kind ? kind : "unknown", place % 2 ? "" : " ",
		 place % 2 ? " on the pool" : name);
	return report_clean(text);
}

static void interned_free(struct interned *interned)
{
	free(interned->name.name);
	if (interned->places) {
		free(interned->place.file_name);
		free(interned->place.function_name);
	}
}

/* What the packet must make known before its event. */
static bool intern(struct perfetto_packets *packets, const Perfetto__TrackEvent *event,
		   struct interned *interned)
{
	uint64_t place = event->name_iid - NAME_SITES;

	if (!event->has_name_iid || event->name_iid < NAME_SITES || packets->named[place])
		return false;
	packets->named[place] = true;
	*interned = (struct interned){0};
	perfetto__interned_data__init(&interned->data);
	perfetto__interned_name__init(&interned->name);
	interned->names = &interned->name;
	interned->name.has_iid = true;
	interned->name.iid = event->name_iid;
	interned->name.name = name_of(packets, place);
	interned->data.n_event_names = 1;
	interned->data.event_names = &interned->names;
	if (event->has_source_location_iid) {
		const struct symbol_info *symbol = symbols_site(
		    packets->symbols, (uint32_t)(event->source_location_iid - 1), false);

		perfetto__source_location__init(&interned->place);
		interned->places = &interned->place;
		interned->place.has_iid = true;
		interned->place.iid = event->source_location_iid;
		interned->place.file_name = report_clean(symbol->file);
		interned->place.function_name = report_clean(symbol->name);
		interned->place.has_line_number = symbol->line > 0;
		interned->place.line_number = (uint32_t)symbol->line;
		interned->data.n_source_locations = 1;
		interned->data.source_locations = &interned->places;
	}
	return true;
}

void perfetto_event(struct perfetto_packets *packets, uint64_t tick, Perfetto__TrackEvent *event)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
	struct interned interned;
	bool is_new = intern(packets, event, &interned);

	packet.has_timestamp = packet.has_sequence_flags = true;
	packet.timestamp = perfetto_ns(packets, tick);
	packet.sequence_flags = NEEDS_STATE;
	packet.track_event = event;
	packet.interned_data = is_new ? &interned.data : NULL;
	packet_write(packets, &packet);
	if (is_new)
		interned_free(&interned);
}

/* ---- The sequence ---------------------------------------------------------------------------- */

int perfetto_begin(struct perfetto_packets *packets, FILE *out, const struct report_source *source,
		   bool by_wall_clock)
{
	const struct trace_process *process = &source->trace->processes[source->process];
	uint64_t halves[2];

	memcpy(halves, process->process_id, sizeof(halves));
	*packets = (struct perfetto_packets){
	    .out = out,
	    .process = process,
	    .symbols = source->symbols,
	    .sequence = (uint32_t)source->process + 1,
	    .by_wall_clock = by_wall_clock,
	    .hash = mix(halves[0] ^ mix(halves[1])),
	};
	packets->named = calloc(2 * (process->site_count + 1) + process->name_count + 1,
				sizeof(*packets->named));
	if (!packets->named)
		return -ENOMEM;
	clocks_write(packets);
	names_write(packets);
	process_write(packets);
	for (size_t i = 0; i < process->worker_count; i++)
		thread_write(packets, i);
	counter_write(packets, PERFETTO_TRACK_QUEUED, "pool: requests that wait");
	counter_write(packets, PERFETTO_TRACK_RUNNING, "pool: requests being worked on");
	return packets->error;
}

void perfetto_free(struct perfetto_packets *packets)
{
	free(packets->named);
	free(packets->packed);
}
