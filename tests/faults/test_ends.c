/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that end in every way, from inside a callback, and families of processes.
 */
#include "faults.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(fault_ends, .timeout = 120);

/* FAULT_DIES: nobody is told, so in thread mode the ring is left to the analyzer. */
static const struct fault ends[] = {
    {.name = "return", .program = "fault_end", .args = {"return"}},
    {.name = "exit", .program = "fault_end", .args = {"exit"}},
    {.name = "segv", .program = "fault_end", .args = {"segv"}, .flags = FAULT_DIES},
    {.name = "abort", .program = "fault_end", .args = {"abort"}, .flags = FAULT_DIES},
    {.name = "kill", .program = "fault_end", .args = {"kill"}, .flags = FAULT_DIES},
    {.name = "term", .program = "fault_end", .args = {"term"}, .flags = FAULT_DIES},
    {.name = "_exit", .program = "fault_end", .args = {"_exit"}, .flags = FAULT_DIES},
    {.name = "quick_exit", .program = "fault_end", .args = {"quick"}, .flags = FAULT_DIES},
    {.name = "exec", .program = "fault_end", .args = {"exec"}, .flags = FAULT_DIES},
    {.name = "exec of another program", .program = "fault_end", .args = {"exec_sleep"}, .flags = FAULT_DIES},
    {.name = "pthread_exit of main", .program = "fault_end", .args = {"main_thread"}},
};

Test(fault_ends, all)
{
	faults_run(ends, COUNT(ends));
}

static const struct fault families[] = {
    {.name = "fork", .program = "fault_family", .args = {"fork"}, .flags = FAULT_DIES},
    {.name = "double fork", .program = "fault_family", .args = {"double_fork"}, .flags = FAULT_DIES},
    {.name = "daemonize", .program = "fault_family", .args = {"daemonize"}, .flags = FAULT_DIES},
    {.name = "fork in threads", .program = "fault_family", .args = {"fork_in_threads"}, .flags = FAULT_DIES},
    {.name = "uv_loop_fork", .program = "fault_family", .args = {"loop_fork"}},
    {.name = "uv_spawn", .program = "fault_family", .args = {"spawn"}},
    {.name = "uv_spawn without LD_PRELOAD", .program = "fault_family", .args = {"spawn_clean"}, .untraced = 1},
    {.name = "vfork", .program = "fault_family", .args = {"vfork"}},
    {.name = "posix_spawn", .program = "fault_family", .args = {"posix_spawn"}},
};

Test(fault_ends, families)
{
	faults_run(families, COUNT(families));
}
