/* SPDX-License-Identifier: Apache-2.0
 *
 * The panel of the profile: what callbacks spent their time in, as an icicle graph.
 */
import { byId, fill } from '../dom.js';
import { formatCount, formatDuration, plural } from '../format.js';
import { paragraph } from './pieces.js';
import { Flame, childrenFrom, rootOf, sumOf } from './flame.js';

const profileFlame = new Flame('flame', 'Profile');

function leadText({ hz, samples }, nodes, whole) {
	const branches = sumOf(nodes, 'branches');
	const merged = branches === 0 ? '' : ' Branches that are too small to be told are merged ' +
		`into “(other)”: ${formatCount(branches)}.`;
	return `${plural(samples, 'sample')} at ${hz} Hz, which stand for ` +
		`${formatDuration(whole.ns)} in callbacks.${merged}`;
}

export function showProfile(profile, nodes) {
	const whole = rootOf(childrenFrom(nodes, 0, { at: 0 }));
	fill(byId('panel-profile'),
		paragraph('', leadText(profile, nodes, whole)), profileFlame.elements(whole),
		paragraph('more', 'Click or Enter zooms, Escape goes back, arrows move.'));
	profileFlame.show();
}
