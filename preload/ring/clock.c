/* SPDX-License-Identifier: Apache-2.0
 *
 * See clock.h.
 */
#include "clock.h"

int (*clock_gettime_real)(clockid_t clock, struct timespec *now) = clock_gettime;
