/* SPDX-License-Identifier: Apache-2.0
 *
 * Which trace a link is of. A link names its trace by process and start; what it says of times,
 * polls and filters means nothing in another one.
 *
 * Rules: the address counts for the trace that it names, and where it names none, for the first
 * that the page shows. All of any other trace is shown.
 */
import { say } from '../dom.js';
import { parseFragment, tastes, traceKey } from '../state.js';

const OTHER_TRACE = 'This link is of another trace';

/* The number of the process that a link names; -1: none of these. */
function namedProcess(trace, link) {
	return trace.processes.findIndex((process) => traceKey(process) === link.trace);
}

/* What is to be shown of a trace that was opened, as values of the state. */
export function wantedOf(trace, fragment, isFirst) {
	const link = parseFragment(fragment), named = namedProcess(trace, link);
	if (named >= 0)
		return { ...link, process: named };
	if (link.trace && isFirst)
		say(`${OTHER_TRACE}: all of this one is shown`);
	if (link.trace || !isFirst)
		return { ...tastes(), process: 0 };
	return { ...link, process: Math.min(link.process, trace.processes.length - 1) };
}

/* The same for an address that was changed by hand; null: it is of a trace that is not here. */
export function wantedNow(trace, fragment) {
	const link = parseFragment(fragment), named = namedProcess(trace, link);
	if (named >= 0)
		return { ...link, process: named };
	if (!link.trace)
		return link;
	say(`${OTHER_TRACE}: open that first`);
	return null;
}
