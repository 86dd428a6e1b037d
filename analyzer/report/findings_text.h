/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences about findings, from their facts and the templates of findings/findings.def. All
 * outputs (text, JSON, the page, CI formats) have the same ones.
 */
#ifndef FINDINGS_TEXT_H
#define FINDINGS_TEXT_H

#include "findings/findings.h"

/* findings_make(), and the `text` of each. NULL only when memory is out. */
struct findings *findings_with_text(const struct findings_input *input);

/* What is looked for: "late timers". */
const char *finding_looks_for(enum finding_id id);
/* What the trace does not have: "when descriptors became ready". */
const char *unknown_text(enum unknown unknown);
/* What a cost is: "delay of others", "own delay"; NULL of COST_NONE. */
const char *cost_text(enum cost cost);
/* "certain", "likely", "possible". */
const char *confidence_text(double confidence);

/* What a callback computed for: "collecting garbage"; "" where that is not known. */
const char *work_reason_text(enum work_reason reason);

/* A template with a finding's facts put in; the caller frees. NULL: no memory. What the template
 * names and the finding does not have stays as it is, in braces. */
char *finding_format(const struct findings_input *input, const struct finding *finding,
		     const char *template);

/* A few lines around the moment of a finding, each ended by a newline; NULL where there is nothing
 * to show. */
char *snippet_make(const struct findings_input *input, size_t worker, uint64_t tick);

#endif
