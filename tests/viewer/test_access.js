/* SPDX-License-Identifier: Apache-2.0
 *
 * The page is for everybody: checked by axe, and used by keys alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AXE, closePage, load, openBrowser, openPage, segmentsOf, shoot } from './harness.js';
import { NOT_IN_FIREFOX, demo, press, withDemo } from './page_tools.js';

for (const theme of ['light', 'dark']) {
	test(`axe finds nothing to complain of, ${theme}`, NOT_IN_FIREFOX, async () => {
		const one = await openBrowser({ colorScheme: theme });
		const page = await openPage(one.context);
		const check = async (what) => {
			const found = await page.evaluate(async (source) => {
				if (!window.axe)
					new Function(source).call(window);
				const textOf = (node) => node.html.slice(0, 90);
				const options = { resultTypes: ['violations'] };
				const { violations } = await window.axe.run(document, options);
				return violations.map((one) =>
					`${one.id}: ${one.nodes.map(textOf).join(' | ')}`);
			}, AXE);
			assert.deepEqual(found, [], what);
		};
		await page.context().newCDPSession(page)
			.then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true }));
		await page.reload();
		await page.waitForSelector('body[data-state=ready]', { state: 'attached' });
		await check('welcome');
		await shoot(page, `welcome-${theme}`);
		await load(page, segmentsOf(demo));
		for (const tab of ['findings', 'transactions', 'callbacks', 'workers', 'stalls',
			'requests', 'timers', 'spans', 'selection']) {
			await page.click('#tab-' + tab);
			await check(tab);
			await shoot(page, `${tab}-${theme}`);
		}
		await press(page, 'n');
		await page.waitForFunction(() => window.uvtrace.view.selected);
		await check('selected');
		await page.keyboard.press('?');
		await check('help');
		await closePage(page);
		await one.close();
	});
}

test('every control is reached by the tab key', () => withDemo(async (page) => {
	await page.evaluate(() => {
		document.body.tabIndex = -1;
		document.body.focus();
	});
	const reached = new Set();
	for (let i = 0; i < 60; i++) {
		await page.keyboard.press('Tab');
		reached.add(
			await page.evaluate(() => document.activeElement.id ||
			document.activeElement.tagName));
	}
	for (const id of ['search', 'theme', 'help-open', 'color', 'time', 'long', 'idle',
		'timeline', 'tab-findings'])
		assert.ok(reached.has(id), id);
}));
