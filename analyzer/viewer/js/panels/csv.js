/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows as CSV (RFC 4180): figures as analyze_trace --json has them, times in nanoseconds. A text
 * that a spreadsheet would take for a formula is told to be text.
 */

/* Of a run, or an iteration. */
export const RUN_KEYS = ['start_ns', 'duration_ns', 'worker', 'site', 'object'];

function csvCell(value) {
	if (value === null || value === undefined)
		return '';
	const isFormula = typeof value !== 'number' && /^[=+\-@\t\r]/.test(value);
	const text = isFormula ? `'${value}` : String(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(keys, rows) {
	const lines = rows.map((row) => keys.map((key) => csvCell(row[key])).join(','));
	return [keys.join(','), ...lines].join('\r\n') + '\r\n';
}
