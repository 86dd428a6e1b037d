/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that end in every way, from inside a callback, and families of processes.
 */
#include "faults.h"

TestSuite(fault_ends, .timeout = 120);

/* FAULT_DIES: nobody is told, so in thread mode the ring is left to the analyzer. */
FAULT(fault_ends, return_from_main, .program = "fault_end", .args = {"return"})
FAULT(fault_ends, exit_in_a_callback, .program = "fault_end", .args = {"exit"})
FAULT(fault_ends, sigsegv, .program = "fault_end", .args = {"segv"}, .flags = FAULT_DIES)
FAULT(fault_ends, abort_in_a_callback, .program = "fault_end", .args = {"abort"},
      .flags = FAULT_DIES)
FAULT(fault_ends, sigkill, .program = "fault_end", .args = {"kill"}, .flags = FAULT_DIES)
FAULT(fault_ends, sigterm, .program = "fault_end", .args = {"term"}, .flags = FAULT_DIES)
FAULT(fault_ends, underscore_exit, .program = "fault_end", .args = {"_exit"}, .flags = FAULT_DIES)
FAULT(fault_ends, quick_exit, .program = "fault_end", .args = {"quick"}, .flags = FAULT_DIES)
FAULT(fault_ends, exec, .program = "fault_end", .args = {"exec"}, .flags = FAULT_DIES)
FAULT(fault_ends, exec_of_another_program, .program = "fault_end", .args = {"exec_sleep"},
      .flags = FAULT_DIES)
FAULT(fault_ends, pthread_exit_of_main, .program = "fault_end", .args = {"main_thread"})

FAULT(fault_ends, fork_in_a_callback, .program = "fault_family", .args = {"fork"},
      .flags = FAULT_DIES)
FAULT(fault_ends, double_fork, .program = "fault_family", .args = {"double_fork"},
      .flags = FAULT_DIES)
FAULT(fault_ends, daemonize, .program = "fault_family", .args = {"daemonize"}, .flags = FAULT_DIES)
FAULT(fault_ends, fork_in_threads, .program = "fault_family", .args = {"fork_in_threads"},
      .flags = FAULT_DIES)
FAULT(fault_ends, uv_loop_fork, .program = "fault_family", .args = {"loop_fork"})
FAULT(fault_ends, uv_spawn, .program = "fault_family", .args = {"spawn"})
FAULT(fault_ends, uv_spawn_without_ld_preload, .program = "fault_family", .args = {"spawn_clean"},
      .untraced = 1)
FAULT(fault_ends, vfork_and_exec, .program = "fault_family", .args = {"vfork"})
FAULT(fault_ends, posix_spawn, .program = "fault_family", .args = {"posix_spawn"})
