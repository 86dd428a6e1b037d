/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a segment, as it is and with its checksums put right. Seeds:
 * tests/golden.
 */
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_all(const char *path, uint8_t choice)
{
	(void)choice;
	input_read(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	input_try_both(data, bytes, read_all);
	return 0;
}
