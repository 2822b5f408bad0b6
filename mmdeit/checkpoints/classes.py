"""The names of the classes in a checkpoint, where mmengine writes them."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmdeit.class_names import difference


def saved_classes(checkpoint: dict) -> Sequence[str] | None:
    """The names of the classes that a checkpoint was trained on, if it has."""
    meta = checkpoint.get('meta')
    metainfo = meta.get('dataset_meta') if isinstance(meta, dict) else None
    classes = metainfo.get('classes') if isinstance(metainfo, dict) else None
    return classes if isinstance(classes, (list, tuple)) else None


def match_classes(checkpoint: dict, classes: Sequence[str] | None) -> None:
    """Check that a checkpoint was trained on classes of these names.

    Raises:
        ValueError: If both have names, and not the same in the same order.
    """
    saved = saved_classes(checkpoint)
    if not saved or not classes:
        return
    differs = difference(classes, saved)
    if differs:
        raise ValueError(
            f'it was trained on other classes: the data {differs}: give the '
            'data of the checkpoint, or where the same are only called '
            'otherwise, its names by classes=[...] of the dataset')


def plain_metainfo(checkpoint: dict) -> None:
    """Make what a checkpoint says of its dataset plain data, in place.

    A config's dicts and numpy's arrays are saved, but not loaded safely.
    """
    for place in (checkpoint['meta'],
                  checkpoint['message_hub'].get('runtime_info', {})):
        if 'dataset_meta' in place:
            place['dataset_meta'] = _plain(place['dataset_meta'])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value.tolist() if isinstance(
        value, (np.ndarray, np.generic)) else value
