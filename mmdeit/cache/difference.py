"""Where two fingerprints differ, in a user's words."""
from typing import Any

MISSING = 'not there'  # a file of the teacher, which may be gone
# Where a config says it, if not under the name that it has here.
_SETTINGS = {
    'seed': 'train_cfg.seed',
    'order': 'train_dataloader.sampler',
    'dataset': 'train_dataloader.dataset',
    'batch.views': 'auto_scale_lr.base_batch_size',
    'batch.group_size': 'model.data_preprocessor.group_size',
    'mixing': 'model.train_cfg',
    'preprocessing': 'model.data_preprocessor',
    'teacher': 'default_hooks.teacher.teacher',
    'num_classes': 'model.head.num_classes',
}


def first_difference(saved: Any, now: Any,
                     path: str = '') -> tuple[str, Any, Any] | None:
    """Where two fingerprints differ: its path, and both values.

    A teacher's file that is not there now is as it was.
    """
    if isinstance(saved, dict) and isinstance(now, dict):
        for key in [*saved, *(key for key in now if key not in saved)]:
            found = first_difference(
                saved.get(key), now.get(key), f'{path}.{key}' if path else key)
            if found:
                return found
        return None
    if isinstance(saved, list) and isinstance(now, list) and (
            len(saved) == len(now)):
        for i, pair in enumerate(zip(saved, now)):
            if found := first_difference(*pair, f'{path}[{i}]'):
                return found
        return None
    return None if now in (saved, MISSING) else (path, saved, now)


def describe(name: str, saved: Any, now: Any) -> str:
    """Say in one line what differs, what it was, and what mends it."""
    area, _, part = name.partition('.')
    if area == 'stream':
        return 'it is of another mmdeit, whose views were others'
    if area == 'libraries':
        return f'{part} was {saved}, and is {now}: install {part}=={saved}'
    if area == 'images':
        what = (f'has {now} images, and had {saved}' if part == 'number' else
                'has other images or labels, or in another order')
        return f'train_dataloader.dataset {what}: give it those that it had'
    if name == 'views':
        return (f'it has {saved} views in a file, and {now} are wanted: set '
                'train_dataloader.drop_last=True, or max_iters as it was')
    for setting, place in _SETTINGS.items():
        if name == setting or name.startswith((f'{setting}.', f'{setting}[')):
            name = place + name[len(setting):]
            break
    if name.startswith('precision'):
        name = "the teacher's precision (dtype)"
    return (f'{name} was {saved!r:.200}, and is {now!r:.200}: set it as it was')
