# SPDX-License-Identifier: Apache-2.0
#
# Frames of scripts in the stall samples of a trace, read by docs/trace-format.md and by nothing of
# the product's own.
"""Script frames of stall samples, straight from the files of a trace."""
import collections
import pathlib
import struct

FILE_HEADER_BYTES = 128
BLOCK_MAGIC = 0x42545655
BLOCK_INFO, BLOCK_STALLS, BLOCK_TEXTS = 1, 11, 12
STALL_BYTES, STALL_WORD_COUNT_AT, STALL_SCRIPTS_AT = 184, 164, 180
SAMPLE = 1
KINDS = [
    'function',
    'interpreted',
    'baseline',
    'maglev',
    'turbofan',
    'builtin',
    'regexp',
    'exit',
    'entry',
    'python',
]

Frame = collections.namedtuple('Frame', 'kind function file line first_line flags')
Sample = collections.namedtuple('Sample', 'status frames')


def blocks(data):
    """Type and payload of each block."""
    at = FILE_HEADER_BYTES
    while at + 64 <= len(data):
        magic, kind, header, payload, _crc = struct.unpack_from('<IHHII', data, at)
        if magic != BLOCK_MAGIC:
            at += 8
            continue
        yield kind, data[at + header : at + header + payload]
        at += header + (payload + 7) // 8 * 8


def entries(payload):
    """Where each entry of a block begins."""
    at = 0
    while at + 12 <= len(payload):
        (size,) = struct.unpack_from('<I', payload, at)
        if size == 0:
            return
        yield at
        at += size


def sample_at(payload, at, texts):
    """The frames of a stall sample."""
    kind, _state, registers, _machine, object_bytes = struct.unpack_from('<HBBHH', payload, at + 8)
    (words,) = struct.unpack_from('<I', payload, at + STALL_WORD_COUNT_AT)
    count, status = struct.unpack_from('<HB', payload, at + STALL_SCRIPTS_AT)
    if kind != SAMPLE:
        return None
    place = at + STALL_BYTES + 8 * (registers + words) + (object_bytes + 7) // 8 * 8
    frames = []
    for i in range(count):
        _frame, function, file, line, first, how, flags = struct.unpack_from(
            '<QIIIIBB', payload, place + 32 * i
        )
        frames.append(
            Frame(KINDS[how], texts.get(function, ''), texts.get(file, ''), line, first, flags)
        )
    return Sample(status, frames)


def samples(folder):
    """All samples of the traces in a folder."""
    found, texts = [], {}
    for file in sorted(pathlib.Path(folder).glob('*.bin')):
        for kind, payload in blocks(file.read_bytes()):
            for at in entries(payload) if kind in (BLOCK_STALLS, BLOCK_TEXTS) else []:
                if kind == BLOCK_TEXTS:
                    _size, number, length = struct.unpack_from('<III', payload, at)
                    texts[number] = payload[at + 12 : at + 12 + length].decode()
                    continue
                sample = sample_at(payload, at, texts)
                if sample:
                    found.append(sample)
    return found
