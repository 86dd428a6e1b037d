/* SPDX-License-Identifier: Apache-2.0
 *
 * The panels of callbacks and of workers: a table each, whose rows lead to all runs of a callback
 * and to the lane.
 */
import { byId, element, fill } from '../dom.js';
import { formatPercent } from '../format.js';
import { change, state } from '../state.js';
import { setChosen, view } from '../draw/view.js';
import { hiddenWorkers } from '../draw/layout.js';
import { showAround } from '../draw/range.js';
import { runsKeyOf } from '../control/jobs.js';
import { callbackCell, callerText, rowButton, span, swatch } from './pieces.js';
import { balanceLines } from './panel_report.js';
import { countColumn, durationColumn, table } from './tables.js';
import { runsSection } from './panel_runs.js';

// ---- Callbacks ----------------------------------------------------------------------------------

function callbackButton(row) {
	const where = row.caller_file ? ` ${row.caller_file}:${row.caller_line}` : '';
	const title = `registered by ${row.caller}${where}; shows all its runs`;
	const key = runsKeyOf(row), isChosen = key !== '' && key === state.runs;
	return element('button', {
		class: 'row', title, 'aria-pressed': String(isChosen),
		onclick: () => change({ runs: isChosen ? '' : key }),
	}, swatch(row), ...callbackCell(row), span('caller', callerText(row)));
}

const CALLBACK_COLUMNS = [
	{
		key: 'callback', label: 'Callback', text: true, head: true,
		show: callbackButton,
	},
	countColumn('count', 'Runs'), durationColumn('total_ns', 'Total'),
	durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'),
	durationColumn('max_ns', 'Max'),
];

// ---- Workers ------------------------------------------------------------------------------------

function goToWorker(number) {
	const worker = view.process.workers.find((one) => one.worker === number);
	const third = (worker.end_ns - worker.start_ns) / 3, hidden = hiddenWorkers();
	hidden.delete(number);
	change({ hidden: [...hidden].join(',') });
	setChosen(view.lanes.findIndex((lane) => lane.worker === worker));
	showAround(worker.start_ns + third, worker.end_ns - third);
}

function workerButton(row) {
	return rowButton(() => goToWorker(row.worker), span('name', `${row.worker} ${row.role}`),
		span('caller', row.name));
}

const WORKER_COLUMNS = [
	{ key: 'worker', label: '#', text: true, head: true, show: workerButton },
	countColumn('polls', 'Runs', 'of callbacks'),
	countColumn('parks', 'Waits', 'for something to do'),
	{
		key: 'utilization', label: 'Busy',
		title: 'share of the time that it did not wait',
		show: (row) => formatPercent(row.utilization),
	},
	{
		key: 'cpu_ns', label: 'On CPU', title: 'by samples of the kernel’s figures',
		show: (row) => formatPercent(row.sampled_ns ? row.cpu_ns / row.sampled_ns : null),
	},
	durationColumn('sched_wait_ns', 'Run queue',
		'run-queue wait: ready to run, but the kernel ran somebody else'),
	durationColumn('poll_p50_ns', 'p50'), durationColumn('poll_p99_ns', 'p99'),
	durationColumn('poll_max_ns', 'Max'),
];

// ---- Both ---------------------------------------------------------------------------------------

export function showTables(report) {
	fill(byId('panel-callbacks'), table('callbacks',
		'Callbacks, and by whom each was registered; ' +
			'(work): its request’s work on the pool',
		CALLBACK_COLUMNS, report.callbacks, ['total_ns', -1]), runsSection());
	fill(byId('panel-workers'), table('workers',
		'Threads that libuv runs callbacks (loop) or requests’ work (pool) on',
		WORKER_COLUMNS, report.workers, ['worker', 1]), balanceLines(report));
}
