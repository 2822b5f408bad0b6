"""Reading data files without running what is in them.

``mmengine.load`` reads annotation lists and configs. Its own handlers call
whatever a pickle or a tag of YAML names. These build plain values only, and
refuse the rest. Checkpoints are read by :mod:`mmdeit.checkpoints`.
"""
import pickle
import sys
from collections import OrderedDict, defaultdict
from typing import IO, Any

import numpy as np
import yaml
from mmengine.config import Config
from mmengine.fileio import (
    PickleHandler,
    YamlHandler,
    load,
    register_handler,
)

_SafeLoader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


def read_safely() -> None:
    """Make every ``mmengine.load`` of this process refuse to run code."""
    register_handler(['pkl', 'pickle'])(SafePickleHandler)
    register_handler(['yaml', 'yml'])(SafeYamlHandler)


def unpickle(file: IO[bytes], **kwargs) -> Any:
    """Read a pickle of containers, numbers, text, bytes and arrays of them.

    Args:
        file (IO[bytes]): A file opened to read bytes.
        **kwargs: As of :class:`pickle.Unpickler`, such as ``encoding``.

    Raises:
        ValueError: If it is damaged or holds anything else.
    """
    try:
        return _Unpickler(file, **kwargs).load()
    except Exception as error:  # damaged pickles raise many types
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(reason) from error


class SafePickleHandler(PickleHandler):
    """mmengine's, that reads by :func:`unpickle`."""

    def load_from_fileobj(self, file: IO[bytes], **kwargs) -> Any:
        try:
            return unpickle(file, **kwargs)
        except ValueError as error:
            raise ValueError(f'{_name_of(file)} cannot be read safely '
                             f'({error}): write it again, as .json') from error


class SafeYamlHandler(YamlHandler):
    """mmengine's, that reads plain YAML, and tuples as mmengine writes them."""

    def load_from_fileobj(self, file: IO[str]) -> Any:
        try:
            return yaml.load(file, Loader=_Loader)
        except Exception as error:  # such as a date that is none
            mark = getattr(error, 'problem_mark', None)
            place = f', line {mark.line + 1}' if mark else ''
            reason = getattr(error, 'problem', None) or error
            raise ValueError(f'{_name_of(file)}{place}: not plain YAML '
                             f'({" ".join(str(reason).split())}): write plain '
                             'values, or .json') from error


class _Loader(_SafeLoader):
    """PyYAML's safe one, with tuples."""


_Loader.add_constructor(
    'tag:yaml.org,2002:python/tuple',
    lambda loader, node: tuple(loader.construct_sequence(node)))


class _Unpickler(pickle.Unpickler):
    """Finds what ``_ALLOWED`` names, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ValueError(f'it asks for {module}.{name}, which could run '
                             'code')
        return _ALLOWED[module, name]


def _dtype(code: str, *_) -> np.dtype:
    """A dtype of numbers or text.

    Arrays of objects, and records, which may hold some, are made of pointers:
    bytes of a file must not become these.
    """
    dtype = np.dtype(code, copy=True)  # changed by what the pickle says next
    if dtype.kind not in 'biufcmMSU':
        raise ValueError(f'it has an array of {code}, not of numbers or text')
    return dtype


def _bytes(text: str, encoding: str) -> bytes:
    """The bytes that protocols below 3 write as text."""
    if encoding != 'latin1':
        raise ValueError(f'it asks for the encoding {encoding}')
    return text.encode('latin1')


# By what NumPy's own pickles call, whatever it is called in this version.
_scalar = np.float64().__reduce__()[0]
_from_buffer = np.zeros(1).__reduce_ex__(5)[0]

# (module, name) in a pickle: what is called in its place.
_ALLOWED = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('collections', 'defaultdict'): defaultdict,
    ('_codecs', 'encode'): _bytes,
    ('numpy', 'dtype'): _dtype,
    # Only a mark: called, it would take bytes for pointers to objects.
    ('numpy', 'ndarray'): object,
}
for _module in ('builtins', '__builtin__'):  # the latter below protocol 3
    for _type in (bytearray, bytes, complex, dict, frozenset, list, set):
        _ALLOWED[_module, _type.__name__] = _type
for _module in ('numpy.core', 'numpy._core'):  # NumPy 1 and 2
    _ALLOWED |= {
        (f'{_module}.multiarray', '_reconstruct'):
        lambda *_: np.empty(0, np.uint8),  # filled by what follows
        (f'{_module}.multiarray', 'scalar'): _scalar,
        (f'{_module}.numeric', '_frombuffer'):
        lambda *arguments: _from_buffer(*arguments),
    }


def _name_of(file: IO) -> str:
    """Name the file that is read, for an error.

    mmengine gives its handlers the content alone, and that of a config from a
    temporary copy. So the names are those in the calls that led here.
    """
    name = getattr(file, 'name', None)
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code is Config._file2dict.__code__:
            return frame.f_locals['filename']
        if frame.f_code is load.__code__:
            name = name or frame.f_locals['file']
        frame = frame.f_back
    return str(name or 'the file')
