/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as options have them: "200ms", "30s", "5m", "1h", also "1.5s".
 */
#ifndef TIME_TEXT_H
#define TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A number and a unit: ns, us, ms, s, m or h; they end with the text, or after `bytes`. 0, -EINVAL,
 * or -ERANGE where it is longer than a century. */
int time_text_parse(const char *text, size_t bytes, uint64_t *ns);

#endif
