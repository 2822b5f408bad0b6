"""Which of a teacher's classes answer for the student's."""
from collections import Counter
from typing import Sequence


def class_indices(
        mapping: str | Sequence[int | str],
        num_classes: int,
        student_names: Sequence[str] | None = None,
        teacher_names: Sequence[str] | None = None) -> list[int]:
    """Turn a class mapping of a config into columns of the teacher's logits.

    It has the teacher's class for each of the student's, in order, by index or
    by name; ``'name'`` stands for the classes of the same names.

    Raises:
        ValueError: If it has too few or too many entries, a name is not that
            of exactly one class, or a class is used twice.
    """
    if mapping == 'name':
        mapping = student_names or ()
    if len(mapping) != num_classes:
        raise ValueError(
            f'class_mapping has {len(mapping)} entries for {num_classes} '
            "classes: list the teacher's class for each, or write 'name' and "
            "name the dataset's classes (metainfo=dict(classes=[...]))")
    names = list(teacher_names or ())
    index = {name: i for i, name in enumerate(names)}
    times = Counter(names)  # ImageNet has two cranes
    for entry in mapping:
        if not isinstance(entry, int) and times[entry] != 1:
            raise ValueError(
                f'class_mapping: {entry!r} names {times[entry]} of the '
                f"teacher's {len(names)} class_names instead of one: correct "
                'it, set class_names=[...], or map by index')
    indices = [index.get(entry, entry) for entry in mapping]
    entry, uses = Counter(indices).most_common(1)[0]
    if uses > 1:
        raise ValueError(f"class_mapping uses the teacher's class {entry} "
                         f'{uses} times: give each class one of its own')
    return indices
