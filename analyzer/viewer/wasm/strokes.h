/* SPDX-License-Identifier: Apache-2.0
 *
 * Strokes, which draw.c makes and JavaScript shows: laid out as contract.def says.
 */
#ifndef VIEWER_STROKES_H
#define VIEWER_STROKES_H

#include <stddef.h>
#include <stdint.h>

enum stroke_type {
#define STROKE_TYPE(name) STROKE_##name,
#include "viewer/contract.def"
};

struct stroke {
#define STROKE_FIELD(offset, type, name) type name;
#include "viewer/contract.def"
};

#define STROKE_FIELD(offset, type, name)                                                           \
	_Static_assert(offsetof(struct stroke, name) == (offset), #name);
#include "viewer/contract.def"

enum chart {
#define CHART(name, key) CHART_##name,
#include "viewer/contract.def"
	CHARTS
};

#endif
