/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a segment, as it is and with its checksums put right. Seeds: tests/golden.
 */
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t *fixed = malloc(bytes + 1);

	if (!fixed)
		return 0;
	input_read(data, bytes);
	memcpy(fixed, data, bytes);
	input_fix_checksums(fixed, bytes);
	if (memcmp(fixed, data, bytes) != 0)
		input_read(fixed, bytes);
	free(fixed);
	return 0;
}
