/* SPDX-License-Identifier: Apache-2.0
 *
 * The few helpers that making HTML by hand wants. Text from a trace only ever goes in as text.
 */

export function byId(id) {
	return document.getElementById(id);
}

/* Those that are there: null, undefined and false stand for none. */
function present(children) {
	return children.flat(Infinity).filter((child) => ![null, undefined, false].includes(child));
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
	made.append(...present(children));
	return made;
}

export function fill(parent, ...children) {
	parent.replaceChildren(...present(children));
}

/* Says something to those who listen to the page. */
export function announce(text) {
	byId('announcer').textContent = text;
}

/* Shows a line for some seconds, and says it. */
export function say(text) {
	byId('message').textContent = text;
	byId('message').hidden = false;
	announce(text);
	clearTimeout(say.timer);
	say.timer = setTimeout(() => {
		byId('message').hidden = true;
	}, 3500);
}
