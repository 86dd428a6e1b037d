/* SPDX-License-Identifier: Apache-2.0
 *
 * The panels beside the timeline, one of which is shown. Their figures are those of analyze_trace,
 * for all of the trace or for the range that is selected.
 */
import { byId, fill } from '../dom.js';
import { formatDuration } from '../format.js';
import { change, state } from '../state.js';
import { onRuns, onSelection, setIterations, view } from '../draw/view.js';
import { showAround, timeText } from '../draw/range.js';
import { clearSelection, takeFigures } from '../control/actions.js';
import { takeIterations, takeRuns } from '../control/jobs.js';
import { actionButton, paintSwatches } from './pieces.js';
import { onSort } from './tables.js';
import { showFindings } from './panel_findings.js';
import { showTables } from './panel_tables.js';
import { showSelection } from './panel_selection.js';
import { showProfile } from './panel_profile.js';
import { showMeasures } from './measures.js';
import { showSignatures } from './panel_signatures.js';
import { showIterations } from './panel_iterations.js';
import { scrollToRuns } from './panel_runs.js';

const TABS = [
	'findings', 'transactions', 'callbacks', 'iterations', 'workers', 'stalls', 'profile',
	'requests',
	'timers', 'spans', 'selection',
];
let figures = null, flame = null;
let asked = 0; // how often figures were

// ---- Figures ------------------------------------------------------------------------------------

/* Which range they are of. */
function showRangeLine() {
	const node = byId('range'), { rangeFrom: from, rangeTo: to } = state;
	if (from === null) {
		fill(node, 'All of the trace');
		return;
	}
	const step = (to - from) / 100, range = `${timeText(from, step)} … ${timeText(to, step)}`;
	fill(node, `${range}, ${formatDuration(to - from)} `,
		actionButton('Show', () => showAround(state.rangeFrom, state.rangeTo)), ' ',
		actionButton('All', () => change({ rangeFrom: null, rangeTo: null })));
}

/* Most traces have no profile; a range of one that has may be without a sample. */
function showProfileTab() {
	const hasProfile = view.process.flame !== null;
	byId('tab-profile').hidden = !hasProfile;
	if (hasProfile)
		showProfile(figures.profile, flame || []);
	else if (state.tab === 'profile')
		change({ tab: 'findings' });
}

function showFigures() {
	if (!figures)
		return;
	showFindings(figures);
	showTables(figures);
	showMeasures(figures);
	showSignatures(figures);
	showIterations(figures);
	showProfileTab();
	paintSwatches();
}

export async function refreshFigures() {
	const page = document.documentElement.dataset;
	showRangeLine();
	byId('panels').setAttribute('aria-busy', 'true');
	const mine = ++asked;
	const fresh = await takeFigures();
	if (!fresh || mine !== asked) // newer ones may have come sooner
		return;
	({ report: figures, flame } = fresh);
	byId('panels').removeAttribute('aria-busy');
	showFigures();
	retakeRuns();
	page.figures = String(Number(page.figures || 0) + 1);
}

export function currentFigures() {
	return figures;
}

export function refreshSelection() {
	showSelection();
	paintSwatches();
}

/* What is listed run by run: other runs, or those of another range. */
export function showRuns() {
	if (!figures)
		return;
	showTables(figures);
	showIterations(figures);
	paintSwatches();
}

export async function refreshRuns() {
	showRuns();
	await takeRuns();
	scrollToRuns();
}

function retakeRuns() {
	takeRuns();
	if (state.tab === 'iterations')
		takeIterations();
	else
		setIterations(null);
}

/* Another signature is chosen. */
export function refreshSignatures() {
	if (figures)
		showSignatures(figures);
	paintSwatches();
}

/* Times are written in another way. */
export function refreshTexts() {
	showFigures();
	showRangeLine();
	showSelection();
}

// ---- Tabs ---------------------------------------------------------------------------------------

export function showTab() {
	for (const name of TABS) {
		const chosen = name === state.tab;
		byId('tab-' + name).setAttribute('aria-selected', String(chosen));
		byId('tab-' + name).tabIndex = chosen ? 0 : -1;
		byId('panel-' + name).hidden = !chosen;
	}
	if (state.tab === 'iterations' && figures && !view.iterations)
		takeIterations();
}

function tabKey(event) {
	const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
	if (!step)
		return;
	const tabs = TABS.filter((name) => !byId('tab-' + name).hidden);
	const next = tabs[(tabs.indexOf(state.tab) + step + tabs.length) % tabs.length];
	change({ tab: next });
	byId('tab-' + next).focus();
	event.preventDefault();
	event.stopPropagation();
}

export function setUpPanels() {
	for (const name of TABS) {
		byId('tab-' + name).addEventListener('click', () => change({ tab: name }));
		byId('tab-' + name).addEventListener('keydown', tabKey);
	}
	onSelection(refreshSelection);
	onRuns(showRuns);
	onSort(showFigures);
	byId('clear').addEventListener('click', clearSelection);
	showTab();
}
