"""What data call their classes, and whether two lists of them are one.

A class is its place in the list, and its name says what that place means. Two
lists of equal length whose names differ shift the labels without an error.
"""
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from torch.utils.data import Dataset

SHOWN = 3


def classes_of(dataset: Dataset) -> list[str] | None:
    """The names of a dataset's classes, if it says them."""
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    return None if classes is None else list(classes)  # of an array, too


def check_same_classes(datasets: dict[str, Dataset]) -> None:
    """Check that datasets, by their names, call their classes alike."""
    first = None
    for name, dataset in datasets.items():
        classes = classes_of(dataset)
        if not classes:
            continue
        first = first or (name, classes)
        if differs := difference(classes, first[1]):
            raise ValueError(
                f'{name} {differs}, compared with {first[0]}: correct the '
                'classes in its list or its metainfo=dict(classes=[...])')


def quote(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    text = ', '.join(map(repr, names[:SHOWN])) or 'nothing'
    more = len(names) - SHOWN
    return text + (f' and {more} more' if more > 0 else '')


def nearest(name: str, names: Iterable[str],
            cutoff: float = 0.8) -> str | None:
    """The name that is likely meant, if any; case counts for nothing."""
    folded = {other.casefold(): other for other in names}
    found = get_close_matches(name.casefold(), folded, 1, cutoff)
    return folded[found[0]] if found else None


def difference(names: Sequence[str], expected: Sequence[str]) -> str:
    """How a list of classes differs from the expected one, as a clause.

    Returns:
        str: Such as ``"lacks 'cat' (nearest is 'Cat')"``; empty if they are
        the same.
    """
    names, expected = list(map(str, names)), list(map(str, expected))
    if names == expected:
        return ''
    have, want = set(names), set(expected)
    missing = [name for name in expected if name not in have]
    surplus = [name for name in names if name not in want]
    parts = []
    if len(missing) == len(expected):
        return (f'has none of the names, but {quote(names)} instead of '
                f'{quote(expected)}')
    if missing:
        parts.append(f'lacks {_with_nearest(missing, surplus)}')
    if surplus:
        parts.append(f'has {_with_nearest(surplus, missing)} besides')
    if not parts:
        if len(names) != len(expected):
            return 'names a class twice'
        place = next(i for i, name in enumerate(names) if name != expected[i])
        return (f'has another order: class {place} is {names[place]!r} instead '
                f'of {expected[place]!r}')
    return ' and '.join(parts)


def _with_nearest(names: list[str], others: list[str]) -> str:
    text = quote(names)
    near = nearest(names[0], others)
    return f'{text} (nearest is {near!r})' if near else text
