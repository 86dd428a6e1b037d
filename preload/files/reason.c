/* SPDX-License-Identifier: Apache-2.0
 *
 * See reason.h.
 */
#include "reason.h"

#include <string.h>

static const char *const texts[REASON_END - REASON_STRANGE_FOLDER] = {
    [REASON_STRANGE_FOLDER - REASON_STRANGE_FOLDER] = "what leads there belongs to another user",
    [REASON_SYSTEM_FOLDER - REASON_STRANGE_FOLDER] = "nothing is recorded into /dev, /proc or /sys",
    [REASON_NOT_A_FILE - REASON_STRANGE_FOLDER] =
	"there is something by that name that is not a regular file",
    [REASON_BUDGET - REASON_STRANGE_FOLDER] =
	"UVTRACE_TOTAL_SIZE is used up, and nothing can be removed",
    [REASON_BUDGET_OF_OTHERS - REASON_STRANGE_FOLDER] =
	"UVTRACE_TOTAL_SIZE is used up, also by another user's files",
    [REASON_RING_REPLACED - REASON_STRANGE_FOLDER] = "the ring file was removed or replaced",
    [REASON_NOT_PRIVATE - REASON_STRANGE_FOLDER] = "files there can be opened by other users",
};

const char *reason_text(int error)
{
	int reason = -error - REASON_STRANGE_FOLDER;

	return reason >= 0 && reason < REASON_END - REASON_STRANGE_FOLDER ? texts[reason]
									  : strerror(-error);
}
