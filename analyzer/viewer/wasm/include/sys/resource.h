/* SPDX-License-Identifier: Apache-2.0
 *
 * In place of libc's, which has none here: what the reader asks of it, files that may be open.
 */
#ifndef VIEWER_RESOURCE_H
#define VIEWER_RESOURCE_H

#define RLIMIT_NOFILE 7

struct rlimit {
	unsigned long long rlim_cur, rlim_max;
};

static inline int getrlimit(int resource, struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return -1;
}

#endif
