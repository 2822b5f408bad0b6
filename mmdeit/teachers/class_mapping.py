"""Which of a teacher's classes answer for the student's."""
from collections import Counter
from typing import List, Optional, Sequence, Union

Names = Optional[Sequence[str]]


def class_indices(
    mapping: Union[str, Sequence[Union[int, str]]],
    num_classes: int,
    student_names: Names = None,
    teacher_names: Names = None,
) -> List[int]:
    """Turn a class mapping of a config into columns of the teacher's logits.

    Args:
        mapping (str | Sequence[int | str]): The teacher's class for each of
            the student's, in order, by index or by name; or ``'name'``, the
            classes of the same names.
        num_classes (int): Number K of the student's classes.
        student_names (Sequence[str], optional): Names of the student's
            classes. Needed by ``'name'`` only. Defaults to None.
        teacher_names (Sequence[str], optional): Names of the teacher's
            classes. Needed where there are names only. Defaults to None.

    Returns:
        list[int]: K indices.

    Raises:
        ValueError: If the mapping is something else, a class is unknown,
            ambiguous or stands twice, the names needed are not known, or
            there are not K classes.
    """
    if mapping == 'name':
        if student_names is None:
            raise ValueError(
                "class_mapping='name' needs the names of the student's "
                'classes: set metainfo=dict(classes=[...]) in its dataset')
        mapping = student_names
    elif isinstance(mapping, str) or not isinstance(mapping, Sequence):
        raise ValueError(
            f"class_mapping is {mapping!r}: write 'name', or a list with the "
            "teacher's class for each of the student's")
    if len(mapping) != num_classes:
        raise ValueError(
            f'class_mapping has {len(mapping)} entries, the student '
            f"{num_classes} classes: write the teacher's class for each")

    for entry in mapping:
        if not isinstance(entry, (int, str)):
            raise ValueError(f'class_mapping has {entry!r}: write an index or '
                             'a name for each class')
    names = [entry for entry in mapping if isinstance(entry, str)]
    if names and teacher_names is None:
        raise ValueError(
            f'class_mapping names {names[0]!r}, but the names of the '
            "teacher's classes are not known: set class_names=[...], or map "
            'by index')
    index = {name: i for i, name in enumerate(teacher_names or ())}
    times = Counter(teacher_names)
    unknown = [name for name in names if name not in index]
    if unknown:
        raise ValueError(
            f"class_mapping: {unknown[0]!r} is none of the teacher's "
            f'{len(teacher_names)} classes ({len(unknown)} such, of '
            f'{len(mapping)}): correct the names, or map by index')
    # ImageNet has two cranes.
    for name in names:
        if times[name] > 1:
            raise ValueError(
                f"class_mapping: {times[name]} of the teacher's classes are "
                f'called {name!r}: map by index')

    indices = [index.get(entry, entry) for entry in mapping]
    stands = Counter(indices)
    for i, entry in zip(indices, mapping):
        if stands[i] > 1:
            raise ValueError(
                f'class_mapping: {entry!r} stands for several classes of the '
                "student: each needs a class of the teacher's of its own")
    return indices
