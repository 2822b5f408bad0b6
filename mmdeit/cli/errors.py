"""The one place where a tool ends that cannot go on: in one line."""
import contextlib
import re
import sys
import traceback
from argparse import Namespace
from collections.abc import Iterator
from textwrap import shorten

import mmengine.registry
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import Registry

from mmdeit.class_names import nearest

from .launcher import speaks_for_the_job
from .signals import LastWords, end_by_signal

# Their messages are written for whoever gives the input.
_PLAIN = (ImportError, OSError, ValueError)
_LONGEST = 700


@contextlib.contextmanager
def end_in_one_line(args: Namespace) -> Iterator[LastWords]:
    """End a tool by one line where an error or a signal escapes from it.

    Of the processes of a job, one prints it.

    Args:
        args (Namespace): Its ``traceback`` shows all of an error instead; its
            ``launcher`` is optional.
    """
    launcher = getattr(args, 'launcher', 'none')
    try:
        with end_by_signal(launcher) as words:
            yield words
    except Exception as error:
        if args.traceback:
            raise
        line = f'error: {describe(error)}'
        sys.exit(line if speaks_for_the_job(launcher) else 1)


def describe(error: Exception) -> str:
    """Say in one line what went wrong, the cause first."""
    message, name = str(error), type(error).__name__
    worker = re.search(r'^Caught (\w+) in DataLoader worker process', message)
    plain = isinstance(error, _PLAIN)
    if worker:
        # After the traceback of the worker comes its message.
        message = re.split(r'\n {2,}[^\n]*\n(?! )', message)[-1]
        kind, _, rest = message.partition(': ')
        plain = kind in {one.__name__ for one in _PLAIN}
        if re.fullmatch(r'[\w.]+', kind):
            name, message = kind, rest
    elif isinstance(error, torch.cuda.OutOfMemoryError):
        return (f'{message.split(". ")[0]}: lower train_dataloader.batch_size, '
                'or train with --amp')
    elif isinstance(error, MemoryError) or re.search(
            'DefaultCPUAllocator|DataLoader worker .*(killed|exited)', message):
        return (f'{shorten(message, 200) or "no memory is left"}: lower the '
                'batch_size and num_workers of the dataloaders')
    elif isinstance(error, UnicodeDecodeError):
        message += ': save the file as UTF-8'
    elif isinstance(error, KeyError) and error.args:
        message = str(error.args[0])
    elif isinstance(error, OSError) and error.filename and error.strerror:
        message = f'{error.filename}: {error.strerror}'
    elif isinstance(error, ImportError) and isinstance(
            error.__cause__, ImportError) and (
                'custom modules' in message):  # all of sys.path is in it
        message = f'custom_imports: {error.__cause__}'
    missing = re.match(r'(\S+) is not in the (?:\w+::)?([\w ]+) registry',
                       message)
    if missing:
        return unknown_type(*missing.groups())
    if message.startswith('stack expects each tensor to be equal size'):
        sizes = ', '.join(sorted(re.findall(r'[[].*?[]]', message)))
        message = (f'the images of a batch have several sizes ({sizes}): add '
                   'Resize or a crop to the pipeline')
        plain = True
    # mmengine's Runner adds the hook, as an object at an address.
    message = re.sub(r' in <\S+ object at 0x\w+>$', '', message)
    if not message.strip() or not plain and len(message.split()) == 1:
        message = f'{name} {message}'.strip()
        for frame in traceback.extract_tb(error.__traceback__)[-1:]:
            message += f' at `{frame.line}`'
    if message == 'need at least one array to concatenate':  # mmengine's
        message = 'no images in it'
    source = _data_that_is_read(error)
    if source not in message:
        message = f'{source}: {message}'
    message = shorten(message, _LONGEST, placeholder=' ...')
    return message if plain else f'{message} (--traceback shows where)'


def _data_that_is_read(error: Exception) -> str:
    """The list, or the folder, of the dataset that an error comes from."""
    source = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is BaseDataset.full_init.__code__:
            dataset = frame.f_locals['self']
            source = dataset.ann_file or dataset.data_prefix.get(
                'img_path') or dataset.data_root
    return source


def unknown_type(name: str, kind: str) -> str:
    """Say that nothing has this name, and which one was likely meant."""
    names = {
        f'{child.scope}.{key}' if child.scope != 'mmpretrain' else key
        for registry in vars(mmengine.registry).values()
        if isinstance(registry, Registry) and registry.name == kind
        for child in (registry, *registry.children.values())
        for key in child.module_dict
    }
    names |= {name.removeprefix('mmengine.') for name in names}
    near = nearest(name, names, 0.7)
    if near == name:  # of mmpretrain, which the scope hides
        near = f'mmpretrain.{name}'
    hint = f': did you mean {near!r}?' if near else (
        ': correct the name, or import its module by custom_imports')
    return f'there is no {kind.replace("_", " ")} of the type {name!r}{hint}'
