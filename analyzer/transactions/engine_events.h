/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine is told by the timeline's watch. engine.c alone includes this besides
 * engine_events.c.
 */
#ifndef ENGINE_EVENTS_H
#define ENGINE_EVENTS_H

#include "transactions_internal.h"

void engine_events(engine *e, size_t position, const struct timeline_event *list, size_t count);
void engine_item(engine *e, const struct timeline_span *span, uint64_t submit_tick);
/* Looks for the next time that recording was switched off. */
void engine_off_find(engine *e);

#endif
