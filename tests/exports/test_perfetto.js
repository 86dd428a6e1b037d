/* SPDX-License-Identifier: Apache-2.0
 *
 * --format=perfetto, read by protobufjs: the rules that trace_processor and ui.perfetto.dev have
 * for packets, tracks, slices and flows, and what the slices say against the JSON lines of the same
 * trace.
 *
 * Perfetto is in no registry of packages. Where it is at hand: PERFETTO is a folder with its
 * sources, whose messages then read the file in place of the project's own; TRACE_PROCESSOR is its
 * trace_processor_shell, which then reads it too.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
	analyze, generate, groupBy, lines, makeFolder, removeFolders, report, require, sum, trace,
	traceTwice,
} from './harness.js';

const protobuf = require('protobufjs');
const { PERFETTO, TRACE_PROCESSOR } = process.env;
const OWN = 'analyzer/report/formats/exports/perfetto.proto';
const BEGIN = 1, END = 2, INSTANT = 3, COUNTER = 4;
const CLEARED = 1, NEEDED = 2, MONOTONIC = 3;

after(removeFolders);

function loadTrace() {
	const root = new protobuf.Root();

	if (!PERFETTO)
		return protobuf.loadSync(OWN).lookup('perfetto.Trace');
	root.resolvePath = (_, target) =>
		(path.isAbsolute(target) ? target : path.join(PERFETTO, target));
	return root.loadSync('protos/perfetto/trace/trace.proto').lookup('perfetto.protos.Trace');
}

const Trace = loadTrace();

function packetsOf(bytes) {
	const read = Trace.decode(bytes);

	/* Each byte is known: written again, it is the same. */
	assert.ok(Buffer.from(Trace.encode(read).finish()).equals(Buffer.from(bytes)));
	return Trace.toObject(read, { longs: String, enums: Number, defaults: false }).packet;
}

/* As trace_processor imports it: packets by sequence, with the names that they interned, then
 * events by time. {tracks, slices, flows, counters, clocks} */
function importTrace(packets) {
	const sequences = new Map(), tracks = new Map();
	const events = [];
	const clocks = [];

	for (const [place, packet] of packets.entries()) {
		const id = packet.trustedPacketSequenceId;
		if (packet.clockSnapshot)
			clocks.push(packet.clockSnapshot);
		if (packet.firstPacketOnSequence) {
			assert.ok(!sequences.has(id));
			assert.equal(packet.sequenceFlags, CLEARED);
			sequences.set(id, {
				names: new Map(), categories: new Map(), values: new Map(),
				places: new Map(),
				clock: packet.tracePacketDefaults.timestampClockId,
			});
		}
		const state = sequences.get(id);
		assert.ok(state, 'a sequence begins with its first packet');
		intern(state, packet.internedData);
		if (packet.trackDescriptor) {
			assert.ok(!tracks.has(packet.trackDescriptor.uuid));
			tracks.set(packet.trackDescriptor.uuid, packet.trackDescriptor);
		}
		if (packet.trackEvent) {
			assert.equal(packet.sequenceFlags, NEEDED);
			events.push({ place, at: BigInt(packet.timestamp), clock: state.clock,
				...resolve(state, packet.trackEvent) });
		}
	}
	events.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.place - b.place));
	return { tracks, clocks, ...slicesOf(events, tracks) };
}

function intern(state, data) {
	for (const [list, into] of [['eventNames', 'names'], ['eventCategories', 'categories'],
		['debugAnnotationNames', 'values'], ['sourceLocations', 'places']]) {
		for (const one of data?.[list] ?? []) {
			assert.ok(!state[into].has(one.iid), `${list} ${one.iid} is told twice`);
			state[into].set(one.iid, one.name ?? one);
		}
	}
}

/* Its names in place of their numbers. */
function resolve(state, event) {
	const named = (into, iid) => {
		assert.ok(into.has(iid), `${iid} is not interned`);
		return into.get(iid);
	};
	const values = (event.debugAnnotations ?? []).map((one) => [
		named(state.values, one.nameIid),
		one.stringValue ?? one.uintValue ?? one.pointerValue]);

	return {
		...event,
		name: event.nameIid && named(state.names, event.nameIid),
		where: event.sourceLocationIid && named(state.places, event.sourceLocationIid),
		categories: (event.categoryIids ?? []).map((iid) => named(state.categories, iid)),
		values: Object.fromEntries(values),
	};
}

function listOf(map, key) {
	if (!map.has(key))
		map.set(key, []);
	return map.get(key);
}

function slicesOf(events, tracks) {
	const open = new Map(), flows = new Map();
	const slices = [], counters = [], instants = [];

	for (const event of events) {
		assert.ok(tracks.has(event.trackUuid), 'an event is on a track that was described');
		const stack = listOf(open, event.trackUuid);

		if (event.type === BEGIN) {
			const slice = { ...event, depth: stack.length };
			stack.push(slice);
			slices.push(slice);
			for (const flow of event.flowIds ?? [])
				listOf(flows, flow).push(slice);
			for (const flow of event.terminatingFlowIds ?? [])
				listOf(flows, flow).push({ ...slice, ends: true });
		} else if (event.type === END) {
			assert.ok(stack.length > 0, 'a slice ends that did not begin');
			Object.assign(stack.pop(), { end: event.at, endValues: event.values });
		} else if (event.type === COUNTER) {
			assert.ok(tracks.get(event.trackUuid).counter);
			counters.push(event);
		} else {
			assert.equal(event.type, INSTANT);
			instants.push(event);
		}
	}
	return { slices, flows, counters, instants };
}

let folder, events, packets, all;

before(() => {
	({ folder } = generate('--events=60000', '--workers=4'));
	events = lines(folder);
	packets = packetsOf(analyze('--format=perfetto', folder));
	all = importTrace(packets);
});

test('the clock of the events is that of the trace', () => {
	const [snapshot] = all.clocks;

	assert.equal(snapshot.primaryTraceClock, MONOTONIC);
	assert.ok(snapshot.clocks.some((one) => one.clockId === MONOTONIC &&
		one.timestamp === String(events[0].start_timestamp_ns)));
	for (const slice of all.slices)
		assert.equal(slice.clock, MONOTONIC);
});

test('tracks are the workers, below their process', () => {
	const tracks = [...all.tracks.values()];
	const processes = tracks.filter((one) => one.process);
	const threads = tracks.filter((one) => one.thread);
	const starts = events.filter((one) => one.event === 'WorkerStart');

	assert.equal(processes.length, 1);
	assert.equal(processes[0].process.pid, events[0].pid);
	assert.deepEqual(threads.map((one) => Number(one.thread.tid)).sort(),
		starts.map((one) => one.tid).sort());
	for (const track of tracks.filter((one) => !one.process)) {
		assert.equal(track.parentUuid, processes[0].uuid);
		assert.ok(!track.thread || track.thread.pid === processes[0].process.pid);
	}
});

/* "at duration name", sorted, of a worker. */
function runsOfEvents(worker) {
	return events.filter((one) => one.event === 'PollEnd' && one.worker === worker)
		.map((one) => `${one.timestamp_ns - one.duration_ns} ${one.duration_ns} ` +
			`${one.kind} ${one.callback.split(' ')[0]}`).sort();
}

test('slices are the callbacks, with their times and names', () => {
	const byTrack = groupBy(all.slices.filter((one) => one.categories[0] === 'callback'),
		(one) => one.trackUuid);
	let seen = 0;

	for (const start of events.filter((one) => one.event === 'WorkerStart')) {
		const track = [...all.tracks.values()].find((one) =>
			Number(one.thread?.tid) === start.tid);
		const of = (byTrack.get(track.uuid) ?? []).filter((one) => one.end !== undefined);
		const runs = of.map((one) => `${one.at} ${one.end - one.at} ${one.name}`);
		assert.deepEqual(runs.sort(), runsOfEvents(start.worker));
		seen += of.length;
	}
	assert.ok(seen > 5000);
});

test('waits are those of the trace', () => {
	const waits = all.slices.filter((one) => one.categories[0] === 'wait');
	const parks = events.filter((one) => one.event === 'WorkerPark');

	assert.deepEqual(waits.map((one) => Number(one.at)).sort(),
		parks.map((one) => one.timestamp_ns).sort());
});

test('arrows lead from a cause to its one effect, in one transaction', () => {
	assert.ok(all.flows.size > 100);
	for (const chain of all.flows.values()) {
		assert.ok(chain.length >= 2);
		assert.deepEqual(chain.map((one) => !!one.ends),
			chain.map((_, place) => place === chain.length - 1));
		assert.equal(chain[0].correlationId, chain.at(-1).correlationId);
	}
});

test('work on the pool lies on the way of its arrow', () => {
	const effects = [...all.flows.values()]
		.filter((chain) => chain.at(-1).name.startsWith('after_work '));

	assert.ok(effects.length > 10);
	for (const chain of effects) {
		assert.equal(chain.length, 3);
		assert.ok(chain[1].at >= chain[0].at && chain[1].end <= chain[2].at);
		assert.notEqual(chain[1].trackUuid, chain[0].trackUuid);
	}
});

test('so does work that is over inside the callback that submitted it', () => {
	const { folder: served, truth } = trace('fixtures/serve', ['inside']);
	const { flows } = importTrace(packetsOf(analyze('--format=perfetto', served)));
	const effects = [...flows.values()]
		.filter((chain) => chain.at(-1).name.startsWith('after_work '));

	assert.equal(effects.length, JSON.parse(truth).values.requests);
	for (const chain of effects)
		assert.equal(chain.length, 3);
});

test('counters are the depth of the queue', () => {
	const { queues } = report(folder);
	const byName = groupBy(all.counters, (one) => all.tracks.get(one.trackUuid).name);
	const highest = (name) =>
		Math.max(...byName.get(name).map((one) => Number(one.counterValue)));

	assert.equal(highest('pool: requests that wait'), queues.pool_queued.max);
	assert.equal(highest('pool: requests being worked on'), queues.pool_running.max);
});

test('nested callbacks and waits end inside those around them', () => {
	const { folder: nested } = trace('fixtures/nested');
	const read = importTrace(packetsOf(analyze('--format=perfetto', nested)));

	assert.ok(read.slices.some((one) => one.depth > 0 && one.categories[0] === 'callback'));
	for (const slice of read.slices)
		assert.ok(slice.end === undefined || slice.end >= slice.at);
});

test('marks are instants with their value', () => {
	const { folder: marked } = trace('fixtures/marks');
	const read = importTrace(packetsOf(analyze('--format=perfetto', marked)));
	const told = lines(marked).filter((one) => one.event === 'Mark');

	assert.ok(told.length > 0);
	const instants = read.instants.map((one) =>
		`${one.at} ${one.name} ${one.values.value}`);
	const marks = told.map((one) => `${one.timestamp_ns} ${one.name} ${one.value}`);
	assert.deepEqual(instants.sort(), marks.sort());
});

test('several processes have a sequence and tracks each', () => {
	const both = traceTwice('fixtures/timers');
	const read = packetsOf(analyze('--format=perfetto', both));
	const { tracks } = importTrace(read);

	assert.equal(new Set(read.map((one) => one.trustedPacketSequenceId)).size, 2);
	assert.equal([...tracks.values()].filter((one) => one.process).length, 2);
});

test('trace_processor reads it without a complaint',
	{ skip: !TRACE_PROCESSOR && 'TRACE_PROCESSOR is not set' }, () => {
		const file = path.join(makeFolder(), 'trace.pftrace');
		const ask = (query) => execFileSync(TRACE_PROCESSOR, ['-Q', query, file],
			{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
			.trim().split('\n').at(-1);

		fs.writeFileSync(file, analyze('--format=perfetto', folder));
		assert.equal(ask('select count() as n from stats ' +
			"where value > 0 and severity != 'info'"), '0');
		assert.equal(Number(ask('select count() as n from slice')), all.slices.length);
		assert.equal(Number(ask('select count() as n from flow')),
			sum([...all.flows.values()].map((chain) => chain.length - 1)));
	});
