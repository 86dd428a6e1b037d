/* SPDX-License-Identifier: Apache-2.0
 *
 * Ways to move through a trace: wheel, keys, touch, drag, the strip, and back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
	calm, closePage, load, openBrowser, openPage, segmentsOf, settle, shown,
} from './harness.js';
import {
	NOT_IN_FIREFOX, box, demo, figuresOf, press, sameRange, width, withDemo,
} from './page_tools.js';

test('wheel and pinch zoom at the pointer, keys zoom and move, undo goes back',
	() => withDemo(async (page) => {
	const whole = await width(page);
	const { x, y, width: pixels } = await box(page);
	await page.mouse.move(x + 600, y + 200);
	const under = () => page.evaluate(([at, w]) => {
		const { state } = window.uvtrace;
		return state.from + ((at - 176) / (w - 176)) * (state.to - state.from);
	}, [600, pixels]);
	const fixed = await under();
	await page.mouse.wheel(0, -400);
	await calm(page);
	assert.ok((await width(page)) < whole * 0.8);
	assert.ok(Math.abs((await under()) - fixed) < whole * 1e-3);
	const zoomed = await width(page);
	await page.keyboard.press('Control');
	await page.dispatchEvent('#timeline', 'wheel', {
		deltaY: -40, ctrlKey: true, clientX: x + 600, clientY: y + 200, bubbles: true,
		cancelable: true,
	});
	await calm(page);
	assert.ok((await width(page)) < zoomed);
	const isEarlier = (a, b) => b.from < a.from, isLater = (a, b) => b.from > a.from;
	const checks = {
		w: (a, b) => b.to - b.from < a.to - a.from,
		s: (a, b) => b.to - b.from > a.to - a.from,
		a: isEarlier, d: isLater, ArrowLeft: isEarlier, ArrowRight: isLater,
	};
	for (const [key, check] of Object.entries(checks)) {
		const then = await shown(page);
		await press(page, key);
		assert.ok(check(then, await shown(page)), key);
	}
	await page.waitForTimeout(700);
	const then = await shown(page);
	await press(page, 'f');
	assert.ok(Math.abs((await width(page)) - whole) < 1);
	await press(page, 'u');
	sameRange(await shown(page), then);
}));

test('two fingers pinch', NOT_IN_FIREFOX, async () => {
	const touch = await openBrowser({ hasTouch: true });
	const page = await openPage(touch.context);
	await load(page, segmentsOf(demo));
	const whole = await width(page), { x, y } = await box(page);
	const cdp = await page.context().newCDPSession(page);
	const fingers = (apart) => [{ x: x + 600 - apart, y: y + 100, id: 1 },
		{ x: x + 600 + apart, y: y + 100, id: 2 }];
	await cdp.send('Input.dispatchTouchEvent',
		{ type: 'touchStart', touchPoints: fingers(40) });
	for (let apart = 60; apart <= 200; apart += 20)
		await cdp.send('Input.dispatchTouchEvent',
			{ type: 'touchMove', touchPoints: fingers(apart) });
	await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
	await calm(page);
	assert.ok((await width(page)) < whole / 2);
	await closePage(page);
	await touch.close();
});

test('drag moves, shift-drag and drag on the times select a range', () => withDemo(async (page) => {
	const { x, y } = await box(page);
	await press(page, 'w');
	await press(page, 'w');
	const then = await shown(page);
	const drag = async (fromX, toX, atY) => {
		await page.mouse.move(x + fromX, y + atY);
		await page.mouse.down();
		await page.mouse.move(x + (fromX + toX) / 2, y + atY);
		await page.mouse.move(x + toX, y + atY);
		await page.mouse.up();
		await calm(page);
	};
	await drag(600, 500, 200);
	assert.ok((await shown(page)).from > then.from);
	await page.keyboard.down('Shift');
	await drag(400, 600, 200);
	await page.keyboard.up('Shift');
	await settle(page);
	const first = await shown(page);
	assert.ok(first.rangeTo > first.rangeFrom);
	const figures = await figuresOf(page);
	assert.ok(Math.abs(figures.from_ns - first.rangeFrom) < 2000 &&
		figures.to_ns <= first.rangeTo + 2000);
	await drag(300, 350, 10);
	await settle(page);
	assert.notEqual((await shown(page)).rangeFrom, first.rangeFrom);
	await press(page, 'Escape');
	assert.equal((await shown(page)).rangeFrom, null);
	await press(page, 'm');
	assert.equal((await shown(page)).rangeFrom, (await shown(page)).from);
}));

test('the strip above is dragged', () => withDemo(async (page) => {
	const strip = await box(page, 'strip');
	await press(page, 'w');
	await press(page, 'w');
	await press(page, 'w');
	const wide = await width(page);
	await page.mouse.click(strip.x + 300, strip.y + 20);
	await calm(page);
	const then = await shown(page);
	await page.mouse.move(strip.x + 300, strip.y + 20);
	await page.mouse.down();
	await page.mouse.move(strip.x + 420, strip.y + 20, { steps: 4 });
	await page.mouse.up();
	await calm(page);
	assert.ok((await shown(page)).from > then.from);
	assert.ok(Math.abs((await width(page)) - wide) < 2);
}));
