/* SPDX-License-Identifier: Apache-2.0
 *
 * The few helpers that making HTML by hand wants. Text from a trace only ever goes in as text.
 */

export function byId(id) {
	return document.getElementById(id);
}

/* element('td', {class: 'number', onclick: f}, 'text', child, ...) */
export function element(name, attributes = {}, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue;
		if (key.startsWith('on'))
			made.addEventListener(key.slice(2), value);
		else
			made.setAttribute(key, value === true ? '' : value);
	}
	made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
	return made;
}

export function fill(parent, ...children) {
	parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

/* Says something to those who listen to the page. */
export function announce(text) {
	byId('announcer').textContent = text;
}
