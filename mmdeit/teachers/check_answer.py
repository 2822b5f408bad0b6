"""Whether a teacher answers at all, with logits for the student's classes."""
from textwrap import shorten

import torch
from torch import Tensor

from .teacher import Teacher

NOT_FINITE = ("numbers that are not finite: look for damaged weights, or set "
              "dtype='float32'")


@torch.no_grad()
def check_answer(teacher: Teacher, inputs: Tensor,
                 num_classes: int) -> None:
    """Ask each member of a teacher for one answer, and look at it.

    Args:
        teacher (Teacher): The teacher, adapted to the student.
        inputs (Tensor): A few of the student's images, ``(N, C, H, W)``.
        num_classes (int): Number K of the student's classes.

    Raises:
        ValueError: If a member fails on these images, or its answer is not
            finite, no logits, or not for K classes. It is named.
    """
    for member in teacher.members:
        images = member.preprocess(inputs)
        try:
            logits = member.execute(images)
        except Exception as error:  # a network may fail in any way
            channels, height, width = images.shape[1:]
            fix = ', or compile=False' if member.execution.compile else ''
            reason = shorten(str(error) or type(error).__name__, 200)
            raise ValueError(
                f'teacher {member.name!r} fails on images of {channels} '
                f'channels and {height}x{width} pixels: set input_size to '
                f'the size that it was trained at{fix} ({reason})') from error
        reason = _fault(member, logits, len(inputs), num_classes)
        if reason:
            raise ValueError(f'teacher {member.name!r} {reason}')


def _fault(member: Teacher, logits: Tensor, num_images: int,
           num_classes: int) -> str:
    shape = tuple(getattr(logits, 'shape', ()))
    if len(shape) != 2 or shape[0] != num_images:
        return (f'answers {num_images} images with a {type(logits).__name__} '
                f'of shape {shape} instead of logits of shape '
                f'({num_images}, classes): give it its classifier (a head)')
    if not logits.isfinite().all():
        return f'answers with {NOT_FINITE}'
    if member.indices is not None:
        names = member.class_names
        if names is not None and len(names) != shape[1]:
            return (f'has {shape[1]} classes, but {len(names)} class_names: '
                    'give the name of each, in order')
        beyond = [i for i in member.indices.tolist() if not 0 <= i < shape[1]]
        return (f'has {shape[1]} classes, but class_mapping asks for class '
                f'{beyond[0]}: correct it') if beyond else ''
    if shape[1] != num_classes:
        return (f'has {shape[1]} classes, the student {num_classes}: give '
                "both the same num_classes, or set class_mapping to the "
                "teacher's class for each of the student's")
    return ''
