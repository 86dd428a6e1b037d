#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# python_offsets.py [--check] PYTHON ...: where things lie in these CPythons, as rows of
# preload/runtimes/cpython_layout.def. A new minor version is added by its row.
#
# Rules: each number is offsetof() compiled against the headers of that python (CC, else cc); none
# is written here. With --check nothing is printed but what differs from the table in the source;
# exit 1 then, and 2 where a python cannot be looked at. From 3.13 on the table that the python
# itself has is compared with its headers as well.
"""Offsets of CPython's fields, from its headers."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     '../preload/runtimes/cpython_layout.def')
SELF_FROM = 313

# Field of the table: the versions from which on it is which member of which struct ('' for a size,
# A-B for the distance of two; None: there is none); and the member of _Py_DebugOffsets that has it.
FIELDS = [
    ('runtime_interpreters', {308: '_PyRuntimeState interpreters.head'},
     'runtime_state.interpreters_head'),
    ('interpreter_next', {308: 'PyInterpreterState next'}, 'interpreter_state.next'),
    ('interpreter_threads',
     {308: 'PyInterpreterState tstate_head', 311: 'PyInterpreterState threads.head'},
     'interpreter_state.threads_head'),
    ('thread_next', {308: 'PyThreadState next'}, 'thread_state.next'),
    ('thread_interpreter', {308: 'PyThreadState interp'}, 'thread_state.interp'),
    ('thread_pthread', {308: 'PyThreadState thread_id'}, 'thread_state.thread_id'),
    ('thread_native', {308: None, 311: 'PyThreadState native_thread_id'},
     'thread_state.native_thread_id'),
    ('thread_frame', {308: 'PyThreadState frame', 311: 'PyThreadState cframe',
                      313: 'PyThreadState current_frame'},
     'thread_state.current_frame'),
    ('thread_chunk', {308: None, 311: 'PyThreadState datastack_chunk', 313: None}, None),
    ('thread_top', {308: None, 311: 'PyThreadState datastack_top', 313: None}, None),
    ('cframe_frame', {308: None, 311: '_PyCFrame current_frame', 313: None}, None),
    ('cframe_previous', {308: None, 311: '_PyCFrame previous', 313: None}, None),
    ('frame_code', {308: 'PyFrameObject f_code', 311: '_PyInterpreterFrame f_code',
                    313: '_PyInterpreterFrame f_executable'}, 'interpreter_frame.executable'),
    ('frame_previous', {308: 'PyFrameObject f_back', 311: '_PyInterpreterFrame previous'},
     'interpreter_frame.previous'),
    ('frame_at', {308: 'PyFrameObject f_lasti', 311: '_PyInterpreterFrame prev_instr',
                  313: '_PyInterpreterFrame instr_ptr'}, 'interpreter_frame.instr_ptr'),
    ('frame_is_entry', {308: None, 311: '_PyInterpreterFrame is_entry', 312: None}, None),
    ('frame_owner', {308: None, 311: '_PyInterpreterFrame owner'}, 'interpreter_frame.owner'),
    ('frame_generator', {308: 'PyFrameObject f_gen', 311: None}, None),
    ('frame_state', {308: None, 311: 'PyGenObject gi_iframe-gi_frame_state', 313: None}, None),
    ('code_file', {308: 'PyCodeObject co_filename'}, 'code_object.filename'),
    ('code_name', {308: 'PyCodeObject co_name', 311: 'PyCodeObject co_qualname'},
     'code_object.qualname'),
    ('code_first_line', {308: 'PyCodeObject co_firstlineno'}, 'code_object.firstlineno'),
    ('code_lines', {308: 'PyCodeObject co_lnotab', 310: 'PyCodeObject co_linetable'},
     'code_object.linetable'),
    ('code_instructions', {308: None, 311: 'PyCodeObject co_code_adaptive'},
     'code_object.co_code_adaptive'),
    ('text_length', {308: 'PyASCIIObject length'}, 'unicode_object.length'),
    ('text_state', {308: 'PyASCIIObject state'}, 'unicode_object.state'),
    ('text_ascii', {308: 'PyASCIIObject '}, 'unicode_object.asciiobject_size'),
    ('text_other', {308: 'PyCompactUnicodeObject '}, None),
    ('bytes_length', {308: 'PyVarObject ob_size'}, 'bytes_object.ob_size'),
    ('bytes_data', {308: 'PyBytesObject ob_sval'}, 'bytes_object.ob_sval'),
]

HEAD = '''#define Py_BUILD_CORE 1
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>
#include <stdio.h>
#include <internal/pycore_pystate.h>
#if PY_VERSION_HEX >= 0x03090000
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#endif
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_frame.h>
#endif
'''

# What the source has as constants, for all versions: the bits of a str's state, and from which
# owner on a frame is none of Python's.
CONSTANTS = '''
    PyASCIIObject text;
    unsigned bits;
#define BITS(member) (memset(&text, 0, sizeof(text)), text.state.member = ~0u, \\
                      memcpy(&bits, &text.state, 4), bits)
    wrong |= BITS(kind) != 7u << 2 || BITS(compact) != 1u << 5 || BITS(ascii) != 1u << 6;
    wrong |= offsetof(PyObject, ob_type) != 8 || offsetof(PyVarObject, ob_size) != 16;
#if PY_VERSION_HEX >= 0x030b0000
    wrong |= FRAME_OWNED_BY_GENERATOR != 1 || FRAME_EXECUTING != 0;
#endif
#if PY_VERSION_HEX >= 0x030e0000
    wrong |= FRAME_OWNED_BY_INTERPRETER != 3;
#elif PY_VERSION_HEX >= 0x030c0000
    wrong |= FRAME_OWNED_BY_CSTACK != 3;
#endif
'''

ASK = '''
import json, sys, sysconfig
words = []
if sys.version_info >= (3, 13):
    import ctypes
    words = list((ctypes.c_uint64 * 200).in_dll(ctypes.pythonapi, '_PyRuntime'))
print(json.dumps([sys.version_info[0] * 100 + sys.version_info[1], sysconfig.get_paths()['include'],
                  words]))
'''


class Unknown(Exception):
    pass


def run(command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ['failed']
        error = next((line for line in lines if 'error' in line), lines[-1])
        raise Unknown(f'{command[0]}: {error}')
    return done.stdout


def member_of(by_version, version):
    return by_version[max(since for since in by_version if since <= version)]


def expression(member):
    if member is None:
        return '-1l'
    struct, name = member.split(' ')
    if '-' in name:
        return ' - '.join(expression(f'{struct} {one}') for one in name.split('-'))
    return f'(long)offsetof({struct}, {name})' if name else f'(long)sizeof({struct})'


def program(version):
    """Prints the fields' offsets and, where there are such, the words that have them."""
    lines = [HEAD, 'int main(void)', '{', '    int wrong = 0;', CONSTANTS]
    for _, by_version, word in FIELDS:
        has = version >= SELF_FROM and word
        index = f'(long)offsetof(struct _Py_DebugOffsets, {word}) / 8' if has else '-1l'
        value = expression(member_of(by_version, version))
        lines.append(f'    printf("%ld %ld\\n", {value}, {index});')
    lines += ['    return wrong;', '}']
    text = '\n'.join(lines)
    return text.replace('struct _Py_DebugOffsets', '_Py_DebugOffsets')


def offsets(version, include):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'offsets')
        run([*shlex.split(os.environ.get('CC', 'cc')), '-w', f'-I{include}',
             f'-I{include}/internal', '-o', path, '-xc', '-'], program(version))
        done = subprocess.run([path], capture_output=True, text=True)
    if done.returncode:
        raise Unknown(f'CPython {version}: its str, its objects or its frames '
                      'are not what the source takes them for')
    return [[int(number) for number in line.split()] for line in done.stdout.splitlines()]


def row(version, include, words):
    found = offsets(version, include)
    if version < SELF_FROM:
        return 'LAYOUT', [at for at, _ in found]
    for (name, _, _), (at, index) in zip(FIELDS, found):
        if index >= 0 and words[index] != at:
            raise Unknown(f'CPython {version}: says {words[index]} of {name}, its headers say {at}')
    return 'SELF', [index for _, index in found]


def table():
    with open(TABLE) as file:
        text = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
    fields = re.findall(r'LAYOUT_FIELD\((\w+)\)', text)
    rows = re.findall(r'(LAYOUT|SELF)\((\d+),([^)]*)\)', text)
    return fields, {int(version): (kind, [-1 if value.strip() == 'NONE' else int(value)
                                          for value in values.split(',')])
                    for kind, version, values in rows}


def show(version, kind, numbers):
    values = ', '.join('NONE' if number < 0 else str(number) for number in numbers)
    return f'{kind}({version}, {values})'


def main():
    check = sys.argv[1:2] == ['--check']
    pythons = sys.argv[2 if check else 1:]
    if not pythons:
        raise SystemExit('usage: python_offsets.py [--check] PYTHON ...')
    fields, rows = table()
    if fields != [name for name, _, _ in FIELDS]:
        raise SystemExit(f'{os.path.basename(TABLE)} has other fields than this script')
    status = 0
    for python in pythons:
        try:
            version, include, words = json.loads(run([python, '-c', ASK]))
            kind, numbers = row(version, include, words)
        except (Unknown, OSError) as error:
            print(f'{python}: {error}', file=sys.stderr)
            status = 2
            continue
        same = rows.get(version) == (kind, numbers)
        if not check or not same:
            print(show(version, kind, numbers))
        if check and not same:
            print(f'{python}: the row of {version} differs', file=sys.stderr)
            status = status or 1
    return status


if __name__ == '__main__':
    sys.exit(main())
