/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the page share: a browser of its own, traces to show, and a watch over its
 * console. BUILD is the build folder; the packages lie in BUILD/viewer-test. BROWSER=firefox: in
 * Firefox, not in Chromium.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

export const BUILD = path.resolve(process.env.BUILD || 'build');
export const PAGE = path.join(BUILD, 'trace_viewer.html');
export const IN_FIREFOX = process.env.BROWSER === 'firefox';
const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';
const FIREFOX = process.env.FIREFOX || '/usr/bin/firefox-esr';
export const SHOTS = path.join(BUILD, 'viewer-test',
	IN_FIREFOX ? 'screenshots-firefox' : 'screenshots');
const require = createRequire(path.join(BUILD, 'viewer-test', 'package.json'));
const { chromium, _bidiFirefox: firefox } = require('playwright-core');
export const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/* The JavaScript of contract.def, as the page has it. */
const contract = execFileSync('awk',
	['-f', 'analyzer/viewer/contract.awk', 'analyzer/viewer/contract.def'],
	{ encoding: 'utf8' });
export const {
	STROKE, CHART_KEYS, PROGRESS_TEXTS, BRIEF, RUN, Strokes,
} = await import('data:text/javascript,' + encodeURIComponent(contract));

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--js-flags=--expose-gc'];

const browsers = new Set();

/* Those that a failed test has left open, too. */
export async function closeBrowsers() {
	for (const one of browsers)
		await one.close();
}

async function launch(folder, options) {
	const wanted = { headless: true, viewport: { width: 1440, height: 860 },
		colorScheme: 'light', timezoneId: 'UTC', ...options };
	if (IN_FIREFOX)
		return (await firefox.launch({ executablePath: FIREFOX, headless: true }))
			.newContext(wanted);
	return chromium.launchPersistentContext(folder,
		{ executablePath: CHROMIUM, args: FLAGS, ...wanted });
}

/* {context, close}: a browser that remembers nothing. */
export async function openBrowser(options = {}) {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'viewer-test-'));
	const context = await launch(folder, options);
	const one = { context, close: async () => {
		browsers.delete(one);
		await context.close();
		await context.browser()?.close();
		fs.rmSync(folder, { recursive: true, force: true });
	} };
	browsers.add(one);
	return one;
}

/* A page that fails the test when anything is wrong on it, or when it wants anything of the
 * network. */
export async function openPage(context, file = PAGE, fragment = '') {
	const page = await context.newPage();
	page.complaints = [];
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type()))
			page.complaints.push(message.text());
	});
	page.on('pageerror', (error) => page.complaints.push(error.stack));
	page.on('request', (request) => {
		if (/^(http|ws|ftp)/.test(request.url()))
			page.complaints.push('network: ' + request.url());
	});
	await page.goto('file://' + file + fragment);
	await page.waitForSelector('body:not([data-state=starting])', { state: 'attached' });
	return page;
}

export async function closePage(page) {
	assert.deepEqual(page.complaints, []);
	await page.close();
}

/* Waits until the process is shown, its figures too, and nothing moves any more. */
export async function settle(page) {
	await page.waitForSelector('body[data-state=shown]', { state: 'attached', timeout: 30000 });
	await page.waitForFunction(() => {
		const { view } = window.uvtrace;
		return document.documentElement.dataset.figures && view.drawn && view.overview &&
			document.getElementById('progress').hidden &&
			!document.getElementById('panels').hasAttribute('aria-busy');
	}, null, { timeout: 30000 });
	await calm(page);
}

/* Until what is drawn is what the view asks for. */
export async function calm(page) {
	await page.waitForFunction(() => {
		const { view, state } = window.uvtrace;
		const width = state.to - state.from;
		return view.drawn &&
			Math.abs(view.drawn.from - (state.from - width / 2)) < width * 1e-6;
	});
	await page.evaluate(() => new Promise((resolve) => {
		requestAnimationFrame(() => requestAnimationFrame(resolve));
	}));
}

/* Also where another trace is shown before. */
export async function load(page, files) {
	await page.evaluate(() => delete document.documentElement.dataset.loadMs);
	await page.setInputFiles('#pick-files', files);
	await page.waitForSelector('html[data-load-ms]', { state: 'attached', timeout: 60000 });
	await settle(page);
}

export function shown(page) {
	return page.evaluate(() => ({ ...window.uvtrace.state }));
}

export function selected(page) {
	return page.evaluate(() => window.uvtrace.view.selected);
}

export async function shoot(page, name) {
	fs.mkdirSync(SHOTS, { recursive: true });
	await page.screenshot({ path: path.join(SHOTS, name + '.png') });
}

export function analyze(...options) {
	return JSON.parse(
		execFileSync(path.join(BUILD, 'analyze_trace'), ['--json', ...options],
		{ encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] }));
}

export function segmentsOf(folder) {
	return fs.readdirSync(folder).filter((name) => name.includes('.bin')).sort()
		.map((name) => path.join(folder, name));
}

const made = new Set();

/* False: the folder is to be filled, which is done once a run, as what an earlier one left is
 * another build's. */
function isMade(folder) {
	const before = made.has(folder);
	if (!before)
		fs.rmSync(folder, { recursive: true, force: true });
	made.add(folder);
	return before;
}

/* A synthetic trace of so many events. */
export function generated(events, ...options) {
	const folder = path.join(BUILD, 'viewer-test', `generated-${events}${options.join('')}`);
	if (!isMade(folder))
		execFileSync(path.join(BUILD, 'bench', 'generate_trace'),
			[`--events=${events}`, ...options, folder], { stdio: 'ignore' });
	return folder;
}

function tracedEnvironment(folder) {
	return { ...process.env, LD_PRELOAD: path.join(BUILD, 'libtrace.so'),
		UVTRACE_PATH: path.join(folder, 'trace.bin') };
}

/* A program of the repository, traced. */
export function traced(program, env = {}, args = []) {
	const folder = path.join(BUILD, 'viewer-test', 'traced-' + path.basename(program));
	if (!isMade(folder))
		execFileSync(path.join(BUILD, program), args,
			{ env: { ...tracedEnvironment(folder), ...env }, stdio: 'ignore' });
	return folder;
}

/* A server of node's that answers so many requests of its own, traced. */
export function tracedHttp(requests) {
	const folder = path.join(BUILD, 'viewer-test', 'traced-http');
	if (!isMade(folder))
		execFileSync(process.execPath, ['tests/viewer/http_requests.cjs', String(requests)],
			{ env: tracedEnvironment(folder), stdio: 'ignore' });
	return folder;
}

/* A program that is switched off for a while from outside. */
export async function tracedOff() {
	const folder = path.join(BUILD, 'viewer-test', 'traced-off');
	if (isMade(folder))
		return folder;
	const program = spawn(path.join(BUILD, 'fixtures/control'), [],
		{ env: tracedEnvironment(folder), stdio: ['pipe', 'pipe', 'ignore'] });
	const say = (line) => new Promise((resolve) => {
		program.stdout.once('data', resolve);
		program.stdin.write(line + '\n');
	});
	const control = (what) => execFileSync(path.join(BUILD, 'trace_ctl'),
		[String(program.pid), what], { stdio: 'ignore' });
	await say('tick 200');
	control('disable');
	await say('tick 400');
	/* The drain looks ten times a second. */
	await new Promise((resolve) => setTimeout(resolve, 400));
	control('enable');
	await say('tick 200');
	program.stdin.end();
	await new Promise((resolve) => program.on('close', resolve));
	return folder;
}
