/* SPDX-License-Identifier: Apache-2.0
 *
 * C and JavaScript agree (contract.def): what a C program puts into strokes is what the page's
 * JavaScript reads, and both count kinds of strokes, charts and stages alike. Needs a C compiler,
 * no browser.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { BRIEF, BUILD, CHART_KEYS, PROGRESS_TEXTS, RUN, STROKE, Strokes } from './harness.js';

const VIEWER = 'analyzer/viewer';
const FOLDERS = ['preload', 'analyzer', `${VIEWER}/wasm`, `${VIEWER}/wasm/include`]
	.map((one) => '-I' + one);

/* Prints what C makes of the contract, and a stroke, the second of two, each of whose fields
 * holds a value of its own. */
const PROGRAM = `
#include <stdio.h>
#include "viewer.h"
#include "strokes.h"

int main(void)
{
	struct stroke strokes[2] = {0};
	const unsigned char *bytes = (const unsigned char *)strokes;

	printf("{\\"fields\\": {\\"\\": 0");
#define STROKE_FIELD(offset, type, name) \\
	strokes[1].name = (type)(offsetof(struct stroke, name) + 1); \\
	printf(", \\"%s\\": %zu", #name, offsetof(struct stroke, name) + 1);
#include "../contract.def"
	printf("}, \\"types\\": {\\"\\": 0");
#define STROKE_TYPE(name) printf(", \\"%s\\": %d", #name, STROKE_##name);
#include "../contract.def"
	printf("}, \\"charts\\": {\\"\\": 0");
#define CHART(name, key) printf(", \\"%s\\": %d", #key, CHART_##name);
#include "../contract.def"
	printf("}, \\"stages\\": {\\"\\": 0");
#define PROGRESS(name, text) printf(", \\"%s\\": %d", text, PROGRESS_##name);
#include "../contract.def"
	printf("}, \\"briefs\\": {\\"\\": 0");
#define BRIEF(name) printf(", \\"%s\\": %d", #name, BRIEF_##name);
#include "../contract.def"
	printf("}, \\"runs\\": {\\"\\": 0");
#define RUN(name) printf(", \\"%s\\": %d", #name, RUN_##name);
#include "../contract.def"
	printf("}, \\"bytes\\": [");
	for (size_t i = 0; i < sizeof(strokes); i++)
		printf("%s%d", i ? ", " : "", bytes[i]);
	printf("]}\\n");
	return 0;
}
`;

let inC;

function withoutEmpty({ '': _, ...rest }) {
	return rest;
}

before(() => {
	const binary = path.join(BUILD, 'viewer-test', 'contract');
	execFileSync(process.env.CC || 'cc',
		['-w', '-D_GNU_SOURCE', ...FOLDERS, '-x', 'c', '-', '-o', binary],
		{ input: PROGRAM });
	inC = JSON.parse(execFileSync(binary, { encoding: 'utf8' }));
});

test('a stroke that C has filled is read by JavaScript, field by field', () => {
	const strokes = new Strokes(Uint8Array.from(inC.bytes).buffer);
	assert.equal(strokes.length, 2);
	const read = Object.entries(strokes.at(1)).map(([name, value]) => [name, Number(value)]);
	assert.deepEqual(Object.fromEntries(read), withoutEmpty(inC.fields));
	assert.ok(Object.values(strokes.at(0)).every((value) => Number(value) === 0));
});

test('kinds of strokes, charts, stages and columns count alike', () => {
	const numbered = (names) => Object.fromEntries(names.map((name, i) => [name, i]));
	assert.deepEqual(STROKE, withoutEmpty(inC.types));
	assert.deepEqual(BRIEF, withoutEmpty(inC.briefs));
	assert.deepEqual(RUN, withoutEmpty(inC.runs));
	assert.deepEqual(numbered(CHART_KEYS), withoutEmpty(inC.charts));
	assert.deepEqual(numbered(PROGRESS_TEXTS), withoutEmpty(inC.stages));
});

/* The rule of viewer.h: what JavaScript calls is page_*, and nothing else is. */
test('what C exports to the page is called page_*', () => {
	const sources = ['', 'jobs/'].flatMap((folder) => fs.readdirSync(`${VIEWER}/wasm/${folder}`)
		.filter((name) => name.endsWith('.c')).map((name) => folder + name));
	const text = sources
		.map((name) => fs.readFileSync(`${VIEWER}/wasm/${name}`, 'utf8')).join('\n');
	const exported = [...text.matchAll(/^EXPORT\((\w+)\)/gm)].map(([, name]) => name);
	const defined = [...text.matchAll(/^[^\s#/].*?\b(page_\w+)\([^;]*$/gm)]
		.map(([, name]) => name);
	assert.ok(exported.length > 15, exported.join());
	assert.deepEqual(exported.filter((name) => !name.startsWith('page_')), []);
	assert.deepEqual([...new Set(defined)].sort(), [...exported].sort());
	const called = fs.readFileSync(`${VIEWER}/js/load/worker.js`,
		'utf8').matchAll(/\bwasm\.(page_\w+)/g);
	assert.deepEqual([...new Set([...called].map(([, name]) => name))].sort(),
		[...exported].sort());
});
