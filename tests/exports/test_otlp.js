/* SPDX-License-Identifier: Apache-2.0
 *
 * --format=otlp, read by OpenTelemetry's own code: by the messages of its exporter, which know each
 * field, and by the names of its semantic conventions; and held against the JSON lines of the same
 * trace.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
	analyze, generate, groupBy, lines, removeFolders, require, sum, trace, traceTwice,
} from './harness.js';

const { opentelemetry } =
	require('@opentelemetry/otlp-transformer/build/src/generated/root.js');
const conventions = new Set([
	...Object.values(require('@opentelemetry/semantic-conventions')),
	...Object.values(require('@opentelemetry/semantic-conventions/incubating')),
]);
const Request = opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const { SpanKind } = opentelemetry.proto.trace.v1.Span;
const IDS = new Set(['traceId', 'spanId', 'parentSpanId']);

after(removeFolders);

/* OTLP/JSON has ids in hex where the JSON form of protobuf has base64. */
const inBase64 = (text) => JSON.parse(text, (key, value) =>
	(IDS.has(key) ? Buffer.from(value, 'hex').toString('base64') : value));

const value = (any) => any.stringValue ?? any.boolValue ??
	(any.intValue !== undefined ? Number(any.intValue) : undefined) ??
	any.arrayValue.values.map(value);
const attributes = (list) => Object.fromEntries(list.map((one) => [one.key, value(one.value)]));

function spansOf(document) {
	return document.resourceSpans.flatMap((resource) =>
		resource.scopeSpans.flatMap((scope) => scope.spans.map((span) => ({
			...span,
			start: BigInt(span.startTimeUnixNano),
			end: BigInt(span.endTimeUnixNano),
			has: attributes(span.attributes),
			links: span.links ?? [],
		}))));
}

let folder, truth, text, document, spans, traces;

before(() => {
	({ folder, truth } = generate('--events=60000', '--workers=4'));
	text = analyze('--format=otlp', folder).toString();
	document = JSON.parse(text);
	spans = spansOf(document);
	traces = groupBy(spans, (span) => span.traceId);
});

test('what OpenTelemetry reads is what was written', () => {
	const { folder: small } = generate('--events=3000');
	const written = inBase64(analyze('--format=otlp', small).toString());
	const again = Request.decode(Request.encode(Request.fromObject(written)).finish());

	assert.deepEqual(Request.toObject(again, { longs: String, bytes: String }), written);
});

test('the document is one line', () => {
	assert.equal(text.indexOf('\n'), text.length - 1);
});

test('ids have their length and are not zero', () => {
	for (const span of spans) {
		assert.match(span.traceId, /^[0-9a-f]{32}$/);
		assert.match(span.spanId, /^[0-9a-f]{16}$/);
		assert.doesNotMatch(span.traceId, /^0+$/);
		assert.doesNotMatch(span.spanId, /^0+$/);
	}
	assert.equal(new Set(spans.map((span) => span.spanId)).size, spans.length);
});

test('each trace is one tree below the transaction', () => {
	for (const of of traces.values()) {
		const byId = new Map(of.map((span) => [span.spanId, span]));
		const roots = of.filter((span) => !span.parentSpanId);

		assert.equal(roots.length, 1);
		assert.ok(roots[0].has['uvtrace.transaction']);
		for (const span of of) {
			assert.ok(span.start <= span.end);
			if (span === roots[0])
				continue;
			assert.ok(byId.has(span.parentSpanId), span.name);
			assert.ok(span.start >= byId.get(span.parentSpanId).start, span.name);
			assert.ok(span.end <= roots[0].end, span.name);
		}
	}
});

test('each callback of a transaction is one of the trace, at its time', () => {
	const events = lines(folder);
	const [begin] = events;
	const runs = new Map();

	for (const event of events) {
		if (event.event === 'PollEnd')
			runs.set(`${event.worker} ${BigInt(begin.start_realtime_ns) +
				BigInt(event.timestamp_ns - event.duration_ns -
					begin.start_timestamp_ns)}`, event);
	}
	const polls = spans.filter((span) => span.has['uvtrace.cause']);
	for (const span of polls) {
		const run = runs.get(`${span.has['uvtrace.worker']} ${span.start}`);
		assert.ok(run, span.name);
		assert.equal(Number(span.end - span.start), run.duration_ns);
		assert.equal(span.has['uvtrace.kind'], run.kind);
		assert.equal(span.has['code.function.name'], run.callback.split(' ')[0]);
	}
	assert.ok(polls.length > 1000);
	const places = polls.map((span) => `${span.has['uvtrace.worker']} ${span.start}`);
	assert.equal(new Set(places).size, polls.length);
});

test('where a whole transaction took its time adds up', () => {
	const parts = ['own', 'behind', 'pool_wait', 'pool_run', 'external', 'kernel'];
	const whole = spans.filter((span) => !span.parentSpanId && !span.has['uvtrace.cut']);

	for (const span of whole) {
		const total = sum(parts.map((part) => span.has[`uvtrace.${part}_ns`]));
		/* Each part is rounded by itself. */
		assert.ok(Math.abs(total - Number(span.end - span.start)) <= parts.length);
	}
	assert.ok(whole.length > 100);
});

test('as many transactions as the program had reads and timers', () => {
	const roots = spans.filter((span) => !span.parentSpanId);
	const calls = (name) => sum(truth.workers.map((worker) => worker.calls[name]));
	const of = (kind) => roots.filter((span) => span.has['uvtrace.kind'] === kind).length;

	assert.equal(of('read'), calls('on_read'));
	assert.equal(of('timer'), calls('on_timer'));
	assert.equal(roots.length, of('read') + of('timer'));
	assert.ok(roots.filter((span) => span.has['uvtrace.cut']).length < 10);
});

test('attributes have names of the conventions, or our own', () => {
	const [resource] = document.resourceSpans;
	const names = new Set(spans.flatMap((span) => span.attributes.map((one) => one.key)));

	for (const one of resource.resource.attributes)
		names.add(one.key);
	for (const name of names)
		assert.ok(conventions.has(name) || name.startsWith('uvtrace.'), name);
	for (const name of ['service.name', 'process.pid', 'thread.id', 'code.function.name'])
		assert.ok(names.has(name), name);
});

test('what came from a peer is a server span', () => {
	const roots = spans.filter((span) => !span.parentSpanId);

	for (const span of roots) {
		assert.equal(span.kind, span.has['uvtrace.kind'] === 'read' ?
			SpanKind.SPAN_KIND_SERVER : SpanKind.SPAN_KIND_INTERNAL);
	}
	assert.ok(roots.some((span) => span.kind === SpanKind.SPAN_KIND_SERVER));
});

test('work on the pool is a wait and a run below its submission', () => {
	for (const of of traces.values()) {
		const ids = new Map(of.map((span) => [span.spanId, span]));
		for (const work of of.filter((span) => span.has['uvtrace.wait'] === 'pool run')) {
			const callback = of.find((span) =>
				span.parentSpanId === work.parentSpanId &&
				span.has['uvtrace.kind'] === 'after_work');
			assert.ok(ids.get(work.parentSpanId).has['uvtrace.cause']);
			assert.ok(callback && callback.start >= work.end);
		}
	}
	assert.ok(spans.some((span) => span.has['uvtrace.wait'] === 'pool run'));
});

test('work that is over inside the callback that submitted it is told as well', () => {
	const { folder: served, truth: said } = trace('fixtures/serve', ['inside']);
	const { requests, work_ns: workNs } = JSON.parse(said).values;
	const of = spansOf(JSON.parse(analyze('--format=otlp', served)));
	const byId = new Map(of.map((span) => [span.spanId, span]));
	const runs = of.filter((span) => span.has['uvtrace.wait'] === 'pool run');
	const waits = of.filter((span) => span.has['uvtrace.wait'] === 'pool wait');
	const inside = runs.filter((run) => run.end <= byId.get(run.parentSpanId).end &&
		Math.abs(Number(run.end - run.start) - workNs) < 1e6);

	assert.equal(runs.length, requests);
	assert.equal(waits.length, requests);
	assert.ok(inside.length * 2 >= requests);
});

test('each process is a resource, and links lead to transactions', () => {
	const read = JSON.parse(analyze('--format=otlp', traceTwice('fixtures/timers')));
	const ids = new Set(spansOf(read).filter((span) => !span.parentSpanId)
		.map((span) => `${span.traceId} ${span.spanId}`));
	const pids = read.resourceSpans.map((one) =>
		attributes(one.resource.attributes)['process.pid']);
	const links = spansOf(read).flatMap((span) => span.links);

	assert.equal(new Set(pids).size, 2);
	for (const link of links)
		assert.ok(ids.has(`${link.traceId} ${link.spanId}`));
});
