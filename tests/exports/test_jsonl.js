/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_to_jsonl --transactions: the lines are those without it, and what polls gain leads from
 * each to the one that caused it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { generate, lines, removeFolders, sum } from './harness.js';

after(removeFolders);

let folder, truth, plain, told;

before(() => {
	({ folder, truth } = generate('--events=60000', '--workers=4'));
	plain = lines(folder);
	told = lines('--transactions', folder);
});

test('nothing else is different', () => {
	const without = told.map(({ transaction, parent, ...rest }) => rest);

	assert.deepEqual(without, plain);
	assert.ok(!plain.some((line) => 'transaction' in line || 'parent' in line));
});

test('a poll names the one that caused it, in the same transaction', () => {
	const [begin] = told;
	const polls = new Map();

	for (const line of told.filter((one) => one.transaction)) {
		const id = `${line.timestamp_ns - begin.start_timestamp_ns}.${line.worker}`;

		assert.equal(line.event, 'PollStart');
		polls.set(id, line);
		if (!line.parent) {
			assert.equal(line.transaction, id);
			continue;
		}
		assert.ok(polls.has(line.parent), line.parent);
		assert.equal(polls.get(line.parent).transaction, line.transaction);
	}
	assert.ok(polls.size > 1000);
});

test('each read and each timer begins one', () => {
	const roots = told.filter((line) => line.transaction && !line.parent);
	const calls = (name) => sum(truth.workers.map((worker) => worker.calls[name]));

	assert.equal(roots.filter((line) => line.kind === 'read').length, calls('on_read'));
	assert.equal(roots.filter((line) => line.kind === 'timer').length, calls('on_timer'));
	assert.equal(roots.length, calls('on_read') + calls('on_timer'));
});
