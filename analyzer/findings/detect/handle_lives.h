/* SPDX-License-Identifier: Apache-2.0
 *
 * The handles of one loop from where they were made to uv_close, by a second look at its worker:
 * which ended (the stream's end, an error, a stop, a timer that ran for good, a process that is
 * over) and were not closed, and which go on.
 *
 * Rules: a handle that does anything after its end goes on. Nothing is known of handles from before
 * events were lost.
 */
#ifndef HANDLE_LIVES_H
#define HANDLE_LIVES_H

#include "findings/findings.h"

enum handle_end {
	HANDLE_GOES_ON,
	HANDLE_TOLD,	/* its callback was told of the stream's end, or of an error */
	HANDLE_STOPPED, /* but for streams */
	HANDLE_FIRED,	/* a timer that does not repeat */
	HANDLE_EXITED,	/* a process */
	HANDLE_PAUSED,	/* a stream that is not read any more: it may be used all the same */
	HANDLE_ENDS
};

/* Handles of one site: where they were made. Where that is not known, their first callback's. */
struct handle_group {
	uint64_t made, closed;
	uint64_t ended[HANDLE_ENDS];   /* now, by how */
	uint64_t unclosed;	       /* all that ended, now */
	struct timeline_growth growth; /* of `unclosed` over the range */
	size_t quarter;		       /* that growth is known to */
	uint32_t end_site;	       /* the callback that most of them ended in, if any did */
	int64_t end_votes;
};

/* Handles that go on, by the first callback that they were started with or that ran on them; by
 * where they were made, if there is none. */
struct handle_lives {
	struct handle_group *groups; /* one for each site */
	uint64_t *going;
	uint64_t streams; /* of those that go on */
	bool failed;	  /* there is no trace, or no memory */
};

struct handle_lives handle_lives_read(const struct findings_input *input, size_t worker);
void handle_lives_free(struct handle_lives *lives);

bool handle_site_is_stream(const struct trace_process *process, uint32_t site);

#endif
