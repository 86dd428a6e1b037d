/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of JavaScript and Python: what stall samples say of the poll that they saw. A poll is
 * called by the program's own function if its samples agree on one.
 */
import { view } from './view.js';

let known = new Map(), knownOf = null; // by poll; of that process

const keyOf = (worker, ns) => `${worker} ${ns}`;

/* Names of the runtime's own files, "node:fs", are no paths. */
export function placeOf({ file, line, line_about: about }) {
	const shown = file.startsWith('node:') ? file : file.split('/').pop();
	if (!line)
		return shown;
	return about ? `${shown}, about line ${line}` : `${shown}:${line}`;
}

export function nameAndFile(script) {
	return script.file ? `${script.function} ${placeOf(script)}` : script.function;
}

function learn(process) {
	known = new Map();
	knownOf = process;
	for (const { worker, start_ns, script } of process.report.stalls) {
		const text = script && script.entered ? nameAndFile(script.entered) : null;
		const key = keyOf(worker, start_ns);
		known.set(key, known.has(key) && known.get(key) !== text ? null : text);
	}
}

/* "onRequest app.js:84"; null: nobody saw, or samples differ. `worker`: its number. */
export function scriptOfPoll(worker, startNs) {
	if (knownOf !== view.process)
		learn(view.process);
	return known.get(keyOf(worker, startNs)) || null;
}
