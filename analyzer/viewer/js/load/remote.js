/* SPDX-License-Identifier: Apache-2.0
 *
 * The way to the second thread: ask(op, values) gives a promise.
 */
import { byId } from '../dom.js';

let thread = null;
let nextId = 1;
const waiting = new Map();
let tellProgress = () => {};

export function onProgress(tell) {
	tellProgress = tell;
}

function take({ data }) {
	if (data.progress) {
		tellProgress(data.progress, data.share);
		return;
	}
	const { resolve, reject, op } = waiting.get(data.id);
	waiting.delete(data.id);
	if (op !== 'draw' && op !== 'overview')
		tellProgress(null);
	if ('error' in data)
		reject(new Error(data.error));
	else
		resolve(data.result);
}

export function ask(op, values = {}) {
	return new Promise((resolve, reject) => {
		const id = nextId++;
		waiting.set(id, { resolve, reject, op });
		thread.postMessage({ id, op, ...values });
	});
}

function bytesOfBase64(text) {
	if (Uint8Array.fromBase64)
		return Uint8Array.fromBase64(text);
	const binary = atob(text);
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++)
		bytes[i] = binary.charCodeAt(i);
	return bytes;
}

/* Bytes that the page carries with it, in a script element that is none. */
export function carriedBytes(node) {
	return bytesOfBase64(node.textContent);
}

export async function startThread() {
	const source = new Blob([byId('worker-source').textContent], { type: 'text/javascript' });
	thread = new Worker(URL.createObjectURL(source));
	thread.onmessage = take;
	thread.onerror = (event) => tellProgress('Error: ' + event.message, null);
	const binary = carriedBytes(byId('wasm-binary'));
	await ask('start', { binary: binary.buffer });
}
