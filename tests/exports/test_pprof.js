/* SPDX-License-Identifier: Apache-2.0
 *
 * --format=pprof, read by the pprof-format package: what is in it without UVTRACE_SAMPLE_HZ, held
 * against the figures of the report; and the labels.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
	analyze, generate, groupBy, removeFolders, report, require, sum, trace,
} from './harness.js';

const { Profile } = require('pprof-format');

after(removeFolders);

function read(folder) {
	const profile = Profile.decode(analyze('--format=pprof', folder));
	const text = (place) => profile.stringTable.strings[Number(place)];
	const functions = new Map(profile.function.map((one) => [one.id, text(one.name)]));
	const places = new Map(profile.location.map((one) =>
		[one.id, functions.get(one.line[0].functionId)]));

	return {
		types: profile.sampleType.map((one) => `${text(one.type)} ${text(one.unit)}`),
		samples: profile.sample.map((one) => ({
			stack: one.locationId.map((id) => places.get(id)),
			count: Number(one.value[0]),
			ns: Number(one.value[1]),
			labels: Object.fromEntries(one.label.map((label) =>
				[text(label.key), text(label.str)])),
		})),
		profile,
	};
}

let folder, samples, figures;

before(() => {
	({ folder } = generate('--events=60000', '--workers=4'));
	samples = read(folder).samples;
	figures = report(folder);
});

test('runs and their time are those of the report, callback by callback', () => {
	const byStack = groupBy(samples, (one) => `${one.labels['callback kind']} ${one.stack[0]}`);

	assert.deepEqual(read(folder).types, ['runs count', 'time nanoseconds']);
	assert.ok(figures.callbacks.length > 3);
	for (const row of figures.callbacks) {
		const of = byStack.get(`${row.kind} ${row.callback.split(' ')[0]}`);
		assert.ok(of, row.callback);
		assert.equal(sum(of.map((one) => one.count)), row.count);
		/* Each row is rounded by itself. */
		assert.ok(Math.abs(sum(of.map((one) => one.ns)) - row.total_ns) <= of.length + 1);
	}
});

test('workers are those of the report', () => {
	const byWorker = groupBy(samples, (one) => one.labels.worker);

	for (const worker of figures.workers) {
		const of = byWorker.get(`${worker.role} worker ${worker.worker}`) ?? [];
		assert.equal(sum(of.map((one) => one.count)), worker.polls);
	}
});

test('runs have the label of the signature of their transaction', () => {
	const runs = (of) => sum(of.map((one) => one.count));
	const labelled = samples.filter((one) => one.labels.transaction);
	const reads = samples.filter((one) => one.labels['callback kind'] === 'read');

	assert.ok(new Set(labelled.map((one) => one.labels.transaction)).size > 1);
	for (const one of reads.filter((read) => read.labels.transaction))
		assert.ok(one.labels.transaction.startsWith('read on_read'));
	assert.ok(samples.some((one) => one.labels['callback kind'] === 'work' &&
		one.labels.transaction));
	/* Those that are cut at the trace's ends have none. */
	assert.ok(runs(reads) - runs(reads.filter((one) => one.labels.transaction)) < 10);
});

test('stall samples are stacks below their callback, and no time counts twice', () => {
	const { folder: stalled } = trace('fixtures/slow', [], { UVTRACE_STALL_MS: '10' });
	const of = read(stalled).samples;
	const rows = report(stalled).callbacks;

	assert.ok(of.some((one) => one.stack.length > 1 && one.count === 0 && one.ns > 0));
	/* What stall samples stand for is known to the period in which they are taken. */
	const total = sum(rows.map((row) => row.total_ns));
	assert.ok(Math.abs(sum(of.map((one) => one.ns)) - total) < total / 100);
	assert.equal(sum(of.map((one) => one.count)), sum(rows.map((row) => row.count)));
});

test('a profile has its samples alone, with the same labels', () => {
	const { folder: busy } = trace('fixtures/busy', ['100'], { UVTRACE_SAMPLE_HZ: '199' });
	const { types, samples: of } = read(busy);

	assert.deepEqual(types, ['samples count', 'time nanoseconds']);
	assert.equal(of.length, report(busy).profile.samples);
	for (const one of of) {
		assert.equal(one.count, 1);
		assert.equal(one.labels.worker, 'loop worker 1');
	}
	assert.ok(of.some((one) => one.labels['callback kind'] === 'timer'));
});
