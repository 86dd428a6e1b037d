/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions on the page, of a server of node's: the list by signature, one with its waterfall
 * and its steps in the lanes, the address, the brush, search and keys. What the page says of one is
 * what analyze_trace --transaction says.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
	PAGE, analyze, calm, closePage, generated, load, openPage, segmentsOf, selected,
	shoot, shown, tracedHttp,
} from './harness.js';
import {
	box, browser, colorAt, countsByLane, figuresOf, press, showPoll, spotOf,
	withoutNames,
} from './page_tools.js';

const REQUESTS = 120;
const PARTS = ['own_ns', 'behind_ns', 'pool_wait_ns', 'pool_run_ns', 'external_ns', 'kernel_ns'];

let folder, truth, main;

before(() => {
	folder = tracedHttp(REQUESTS);
	truth = analyze(folder);
	[main] = truth.transactions;
});

async function withHttp(body, fragment = '') {
	const page = await openPage(browser.context, PAGE, fragment);
	await load(page, segmentsOf(folder));
	await body(page);
	await closePage(page);
}

function whole(id) {
	return analyze(`--transaction=${id}`, folder).transaction;
}

function transactionOf(page) {
	return page.evaluate(() => window.uvtrace.view.transaction);
}

async function waitForTransaction(page, id) {
	await page.waitForFunction((wanted) => window.uvtrace.view.transaction?.id === wanted, id);
	await calm(page);
}

function partsOf(values) {
	return Object.fromEntries(PARTS.map((part) => [part, values[part]]));
}

/* Clicks on the longest step of a transaction. */
async function clickStep(page, { steps }) {
	const [step] = [...steps].sort((a, b) => b.duration_ns - a.duration_ns);
	const workers = await page.evaluate(() =>
		window.uvtrace.view.process.workers.map(({ worker }) => worker));
	await showPoll(page, step, 1);
	await page.mouse.click(...await spotOf(page, workers.indexOf(step.worker),
		step.start_ns + step.duration_ns / 2));
	return step;
}

test('the list says what analyze_trace says, of every request', () => withHttp(async (page) => {
	const { transactions, transaction_totals: totals } = await figuresOf(page);
	assert.deepEqual(withoutNames(transactions), withoutNames(truth.transactions));
	assert.deepEqual(totals, truth.transaction_totals);
	/* Each request is a transaction from a read over the pool; some have more than others. */
	const served = truth.transactions
		.filter(({ root_kind: root, signature }) => root === 'read' &&
			['fs_open', 'fs_read', 'work'].every((kind) => signature.includes(kind)))
		.reduce((sum, { count }) => sum + count, 0);
	assert.equal(served, REQUESTS);
	const briefs = await page.evaluate(() => window.uvtrace.view.process.briefs.length / 5);
	assert.equal(briefs, totals.count + totals.cut_count);
}));

test('a click on a poll shows its transaction, with the figures of --transaction',
	() => withHttp(async (page) => {
	const wanted = whole(main.slowest[0].id);
	const step = await clickStep(page, wanted);
	await waitForTransaction(page, wanted.id);
	assert.equal((await selected(page)).duration_ns, step.duration_ns);
	const found = await transactionOf(page);
	assert.equal(found.duration_ns, wanted.duration_ns);
	assert.equal(found.start_ns, wanted.start_ns);
	assert.deepEqual(found.parts, partsOf(wanted));
	assert.equal(found.steps.length, wanted.steps.length);
	assert.ok(wanted.steps.length >= 5, 'a chain');
	wanted.steps.forEach((one, i) => {
		const { parent, cause, start_ns, duration_ns, in_path } = one;
		const same = found.steps[i];
		assert.deepEqual(
			{ ...same, parts: partsOf(same.parts) },
			{ ...same, parent, cause, start_ns, duration_ns, in_path,
				parts: partsOf(one) });
		assert.deepEqual(same.behind.map(({ ns }) => ns),
			one.behind_by.map(({ ns }) => ns));
	});
	/* The panel: a line a step, its bars to scale. */
	const lines = page.locator('#transaction .waterfall li');
	assert.equal(await lines.count(), wanted.steps.length);
	const bars = await lines.evaluateAll((nodes) => nodes.map((node) => {
		const all = node.querySelector('.bars').getBoundingClientRect();
		const run = node.querySelector('.run').getBoundingClientRect();
		const waits = [...node.querySelectorAll('.part')]
			.map((part) => part.getBoundingClientRect().width);
		return {
			start: (run.left - all.left) / all.width,
			waited: waits.reduce((sum, width) => sum + width, 0) / all.width,
		};
	}));
	wanted.steps.forEach((one, i) => {
		const share = (one.start_ns - wanted.start_ns) / wanted.duration_ns;
		assert.ok(Math.abs(bars[i].start - share) < 0.01, `${bars[i].start}, not ${share}`);
		const waited = (one.start_ns - one.caused_ns) / wanted.duration_ns;
		const told = `${bars[i].waited}, not ${waited}`;
		assert.ok(Math.abs(bars[i].waited - waited) < 0.01, told);
	});
	assert.match(await page.textContent('#transaction'), /behind others/);
	await shoot(page, 'transaction');
}));

test('the transaction is lit, the rest steps back', () => withHttp(async (page) => {
	const wanted = whole(main.slowest[0].id);
	const step = await clickStep(page, wanted);
	await waitForTransaction(page, wanted.id);
	const position = (await selected(page)).worker;
	const middle = step.start_ns + step.duration_ns / 2;
	const lit = await colorAt(page, position, middle, 20);
	await page.focus('#timeline');
	await press(page, 'Escape');
	assert.equal(await transactionOf(page), null);
	assert.equal(await colorAt(page, position, middle, 20), lit);
	/* Another one's poll, which the transaction waited behind. */
	const other = whole(main.slowest[1].id);
	const [long] = [...other.steps].sort((a, b) => b.duration_ns - a.duration_ns);
	const before = await page.evaluate(() => window.uvtrace.view.process.workers.map(
		({ worker }) => worker)).then((workers) => workers.indexOf(long.worker));
	await showPoll(page, long, 1);
	const alone = await colorAt(page, before, long.start_ns + long.duration_ns / 2, 20);
	await page.evaluate((id) => window.uvtrace.showTransaction(id, false), wanted.id);
	await waitForTransaction(page, wanted.id);
	await calm(page);
	const aside = await colorAt(page, before, long.start_ns + long.duration_ns / 2, 20);
	assert.notEqual(aside, alone);
}));

test('a transaction is in the address, and comes back from it', async () => {
	const { id } = main.slowest[2];
	let hash;
	await withHttp(async (page) => {
		await page.click('#tab-transactions');
		await page.click('#panel-transactions tbody button >> nth=0');
		await page.click('#signature ol.rows button >> nth=2');
		await waitForTransaction(page, id);
		await page.waitForFunction(() => location.hash.includes('transaction='));
		hash = await page.evaluate(() => location.hash);
	});
	assert.ok(hash.includes(`transaction=${id}`), hash);
	await withHttp(async (page) => {
		await waitForTransaction(page, id);
		assert.equal((await shown(page)).tab, 'selection');
		assert.ok((await page.textContent('#transaction')).includes(id));
		/* A link to another one is followed. */
		const other = main.slowest[3].id;
		await page.evaluate((one) => {
			location.hash = `#transaction=${one}&tab=selection`;
		}, other);
		await waitForTransaction(page, other);
	}, hash);
	await withHttp(async (page) => {
		await page.waitForSelector('#message:not([hidden])');
		assert.match(await page.textContent('#message'), /No transaction 1\.1/);
	}, '#transaction=1.1');
});

test('of a large process what lies around is read, and is the same', async () => {
	const large = generated(2e6);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(large));
	const { slowest } = analyze(large).transactions[0];
	for (const { id } of slowest.slice(0, 3)) {
		const wanted = analyze(`--transaction=${id}`, large).transaction;
		const [found, again] = await page.evaluate(async (text) => {
			const { ask } = window.uvtrace;
			const numbers = text.split('.').map(Number);
			const one = await ask('transaction', { numbers });
			const { worker, tick } = one.steps[one.steps.length - 1];
			return [one, await ask('transactionOf', { worker, tick })];
		}, id);
		assert.deepEqual(again, found);
		assert.deepEqual(found.parts, partsOf(wanted));
		const times = ({ start_ns, duration_ns, parent }) =>
			({ start_ns, duration_ns, parent });
		assert.deepEqual(found.steps.map(times), wanted.steps.map(times));
	}
	await closePage(page);
});

test('the list is sorted by each column', () => withHttp(async (page) => {
	await page.click('#tab-transactions');
	for (const key of ['count', 'p50_ns', 'p99_ns', 'max_ns', 'total_ns']) {
		const head = `[data-table=transactions] [data-key=${key}]`;
		await page.click(head);
		const isUp = await page.locator(
			`#panel-transactions th[aria-sort=ascending] [data-key=${key}]`).count();
		const values = truth.transactions.map((row) => row[key]);
		const wanted = (isUp ? Math.min : Math.max)(...values);
		const row = page.locator('#panel-transactions tbody tr').first();
		const title = await row.locator('button').getAttribute('title');
		const best = truth.transactions.filter((one) => one[key] === wanted);
		assert.ok(best.some(({ signature }) =>
			title.endsWith(signature.slice(1).join(' > '))), `${key}: ${title}`);
	}
}));

test('the brush takes a part of the distribution', () => withHttp(async (page) => {
	await page.click('#tab-transactions');
	await page.click('#panel-transactions tbody button >> nth=0');
	const text = () => page.textContent('#signature section p.more');
	assert.match(await text(), new RegExp(`^${main.count} transactions`));
	const rows = page.locator('#signature ol.rows button');
	assert.ok((await rows.first().textContent()).includes(main.slowest[0].id));
	/* By keys: without the greatest, the slowest one is not in the list any more. */
	await page.focus('#distribution-to');
	await page.keyboard.press('ArrowLeft');
	assert.doesNotMatch(await text(), new RegExp(`^${main.count} transactions`));
	assert.ok(!(await rows.allTextContents()).join().includes(main.slowest[0].id));
	/* By the mouse: the last bar alone has it. */
	await page.locator('#distribution').scrollIntoViewIfNeeded();
	const { x, y, width, height } = await box(page, 'distribution');
	await page.mouse.move(x + width - 2, y + height / 2);
	await page.mouse.down();
	await page.mouse.up();
	assert.ok((await rows.first().textContent()).includes(main.slowest[0].id));
	const inBar = Number((await text()).match(/^\d+/)[0]);
	assert.ok(inBar >= 1 && inBar < main.count, String(inBar));
	await page.mouse.move(x + 2, y + height / 2);
	await page.mouse.down();
	await page.mouse.move(x + width - 2, y + height / 2, { steps: 4 });
	await page.mouse.up();
	assert.match(await text(), new RegExp(`^${main.count} transactions`));
}));

test('the filter takes a transaction, or signatures', () => withHttp(async (page) => {
	const sum = async () => (await countsByLane(page)).reduce((all, one) => all + one, 0);
	const filtered = async (text) => {
		const drawn = await page.evaluate(() => document.documentElement.dataset.filtered);
		await page.fill('#filter-only', text);
		await page.waitForFunction((before) =>
			document.documentElement.dataset.filtered !== before, drawn);
		return sum();
	};
	const everything = await sum(), wanted = whole(main.slowest[0].id);
	await page.evaluate(() => { document.getElementById('filters').open = true; });
	const found = await page.evaluate(async (id) => {
		await window.uvtrace.showTransaction(id);
		return window.uvtrace.view.transaction.steps.map(({ work }) => Boolean(work));
	}, wanted.id);
	assert.equal(found.length, wanted.steps.length);
	const works = found.filter(Boolean).length;
	assert.ok(works >= 4, 'the file and the computation are work on the pool');
	assert.equal(await filtered(wanted.id), wanted.steps.length + works);
	/* All of the signature: as much for each, as it has no runs that differ in length. */
	const alike = main.slowest.map(({ id }) => whole(id).steps.length);
	const kinds = ['read', ...main.signature.slice(1)].join(' > ');
	const ofSignature = await filtered(kinds);
	const least = main.count * Math.min(...alike);
	assert.ok(ofSignature >= least, `${ofSignature} of ${least}`);
	assert.ok(ofSignature < everything);
	assert.equal(await filtered('read > nothing_such'), 0);
	assert.equal(await filtered(''), everything);
}));

test('keys and search go from one to the next', () => withHttp(async (page) => {
	const { id } = main.slowest[0];
	await page.focus('#search');
	await page.fill('#search', id);
	await page.keyboard.press('Enter');
	await waitForTransaction(page, id);
	await page.keyboard.press('Escape');
	const at = async () => (await transactionOf(page)).start_ns;
	const first = await at();
	const ids = await page.evaluate(() => {
		const { briefs } = window.uvtrace.view.process, found = [];
		for (let i = 0; i < briefs.length; i += 5) {
			if (briefs[i + 2] === 0)
				found.push(`${briefs[i + 3]}.${briefs[i + 4]}`);
		}
		return found;
	});
	assert.equal(ids.length, main.count);
	const own = ids.indexOf(id), step = own + 1 < ids.length ? 1 : -1;
	await page.keyboard.press(step > 0 ? 'e' : 'q');
	await waitForTransaction(page, ids[own + step]);
	assert.ok(step > 0 ? (await at()) >= first : (await at()) <= first);
	await page.keyboard.press(step > 0 ? 'q' : 'e');
	await waitForTransaction(page, id);
	await page.focus('#timeline');
	await page.keyboard.press('Escape');
	/* By signature, from the begin of the view. */
	await page.keyboard.press('f');
	await page.fill('#search', 'read > fs_open > work');
	await page.focus('#search');
	await page.keyboard.press('Enter');
	await page.waitForFunction(() => window.uvtrace.view.transaction);
	const kinds = await page.evaluate(() => {
		const { view } = window.uvtrace;
		return view.transaction.steps.map(({ site }) => view.process.sites[site].kind);
	});
	assert.ok(kinds[0] === 'read' && kinds.includes('fs_open'), kinds.join());
	await page.fill('#search', 'read > nothing_such');
	await page.keyboard.press('Enter');
	await page.waitForSelector('#message:not([hidden])');
	assert.match(await page.textContent('#message'), /No signature matches/);
}));
