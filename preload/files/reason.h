/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors that errno has no word for. They are returned like an errno, as a negative number; the
 * numbers lie above the kernel's.
 */
#ifndef REASON_H
#define REASON_H

enum reason {
	REASON_STRANGE_FOLDER = 4096, /* what leads there is another user's: see dir_open() */
	REASON_SYSTEM_FOLDER,	      /* below /dev, /proc or /sys */
	REASON_NOT_A_FILE,	 /* there is something by that name that is not a regular file */
	REASON_BUDGET,		 /* UVTRACE_TOTAL_SIZE is used up */
	REASON_BUDGET_OF_OTHERS, /* ... also by files that another user has there */
	REASON_RING_REPLACED,	 /* the ring file's name leads elsewhere */
	REASON_NOT_PRIVATE,	 /* others may read or write what is made there */
	REASON_END,
};

/* In words, for -errno or the negative of a reason. */
const char *reason_text(int error);

#endif
