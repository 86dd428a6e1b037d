#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# pack.py FILE ... > SEED: segments as one input of fuzz_folder (tests/fuzz/fuzz_folder.h says how
# it lies).
import struct
import sys

out = sys.stdout.buffer
out.write(b"UVFOLDER")
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        data = file.read()
    out.write(struct.pack("<II", len(data), 2 if path.endswith(".open") else 0) + data)
