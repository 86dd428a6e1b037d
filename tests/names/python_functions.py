#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# python_functions.py: the C functions in this python's own file that Python code can call: first a
# line with the file, then for each a line with its address, as the file has it, and what Python
# calls it. Python's own objects say so (PyMethodDef, by ctypes).
"""The truth for the tables of C functions that are read from the file."""
import ctypes
import gc
import os
import re
import sys
import types

FUNCTION_AT, DESCRIPTOR_AT = 16, 40  # where PyCFunctionObject and PyMethodDescrObject have it
found = {}


def word(address):
    """Eight bytes of this process."""
    return ctypes.c_uint64.from_address(address).value


def mappings(path):
    """Where the file lies, and where it ends."""
    with open('/proc/self/maps', encoding='utf-8') as lines:
        own = [line.split()[0].split('-') for line in lines if line.rstrip().endswith(path)]
    return min(int(start, 16) for start, _ in own), max(int(end, 16) for _, end in own)


def note(thing, owner, at):
    """A function, if it lies in the file."""
    function = word(word(id(thing) + at) + 8)
    if start <= function < end:
        name = thing.__name__ if owner in ('', 'builtins') else f'{owner}.{thing.__name__}'
        found.setdefault(function - bias, set()).add(name)


def is_moved(path):
    """Whether the file can be loaded anywhere (ET_DYN)."""
    with open(path, 'rb') as file:
        return file.read(18)[16] == 3


path = os.path.realpath(sys.executable)
start, end = mappings(path)
bias = start if is_moved(path) else 0
for module in list(sys.modules.values()):
    for thing in list(vars(module).values()):
        if isinstance(thing, types.BuiltinFunctionType) and \
                isinstance(thing.__self__, types.ModuleType):
            note(thing, thing.__self__.__name__, FUNCTION_AT)
for kind in [one for one in gc.get_objects() if isinstance(one, type)] + [int, str, re.Pattern]:
    own = kind.__module__ == 'builtins'
    for thing in list(vars(kind).values()):
        if isinstance(thing, types.MethodDescriptorType):
            note(thing, kind.__qualname__ if own else f'{kind.__module__}.{kind.__qualname__}',
                 DESCRIPTOR_AT)
print(path)
for function, names in sorted(found.items()):
    print(f'{function:x}', *names)
