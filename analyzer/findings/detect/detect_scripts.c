/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of JavaScript and Python as facts of findings (facts.def).
 */
#include "findings/findings_internal.h"

void facts_of_scripts(const struct stall *stall, struct finding *finding)
{
	const struct stall_script *script = &stall->script;
	const struct stack_frame *user = script->user;

	if (!user)
		return;
	bool waits = stall->cause == STALL_SYSCALL || stall->cause == STALL_LOCK;
	const struct stack_frame *caller = waits || script->call_name ? NULL : script->caller;
	fact_text(finding, FACT_by, caller ? caller->symbol->text : user->symbol->text);
	if (script->call_name)
		fact_text(finding, FACT_inside, script->call_name);
	else if (caller)
		fact_text(finding, FACT_inside, user->symbol->text);
	if (script->label)
		fact_text(finding, FACT_entered, script->label->text);
	fact_text(finding, FACT_function, user->symbol->name);
	if (*user->symbol->file)
		fact_text(finding, FACT_script_file, user->symbol->file);
	if (user->symbol->line > 0)
		fact_whole(finding, FACT_script_line, (uint64_t)user->symbol->line);
	fact_flag(finding, FACT_line_about, user->symbol->about);
	finding->file = user->symbol->file;
	finding->line = user->symbol->line;
}
