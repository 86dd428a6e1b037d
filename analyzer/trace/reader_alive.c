/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a trace's process still run on this machine? Its ring belongs to it then, and is not taken.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "files/boot_id.h"
#include "reader_internal.h"

bool reader_boot_is_ours(const uint8_t boot_id[16])
{
	uint8_t ours[16];

	return boot_id_read(ours) && memcmp(ours, boot_id, 16) == 0;
}

/* Whether the process has the ring mapped; where we may not look it counts as mapped. */
static bool process_maps(uint32_t pid, const char *ring_path)
{
	char path[64], line[8192];
	bool mapped = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno != ENOENT;
	while (!mapped && fgets(line, sizeof(line), maps))
		mapped = strstr(line, ring_path) != NULL;
	fclose(maps);
	return mapped;
}

bool reader_process_is_running(const struct trace_process *process)
{
	if (!reader_boot_is_ours(process->boot_id) || process->pid == 0 || process->pid > INT32_MAX)
		return false;
	if (kill(process->pid, 0) != 0 && errno == ESRCH)
		return false;
	return !*process->ring_path || process_maps(process->pid, process->ring_path);
}
