"""What the student sees: all that a teacher has to know of it."""
from dataclasses import dataclass
from typing import Optional, Sequence

from torch import nn


@dataclass(frozen=True)
class StudentSpec:
    """The images and classes of a student.

    Args:
        num_classes (int): Number K of the student's classes.
        mean (Sequence[float]): Mean that its images were shifted by, for each
            channel, in units of 0 to 255. One value serves all channels.
            Defaults to 0.
        std (Sequence[float]): What they were divided by. Defaults to 1.
        to_rgb (bool): Whether the channels of the images as loaded were
            reversed. Defaults to False.
        class_names (Sequence[str], optional): Names of the classes, in order.
            Defaults to None, unknown.
    """
    num_classes: int
    mean: Sequence[float] = (0., )
    std: Sequence[float] = (1., )
    to_rgb: bool = False
    class_names: Optional[Sequence[str]] = None

    @classmethod
    def of(cls,
           student: nn.Module,
           class_names: Optional[Sequence[str]] = None) -> 'StudentSpec':
        """Read it off a classifier.

        Args:
            student (nn.Module): A classifier of mmpretrain.
            class_names (Sequence[str], optional): Of its dataset. Defaults to
                None.

        Returns:
            StudentSpec: What the classifier's data preprocessor says.

        Raises:
            ValueError: If neither its head nor that says how many classes it
                has.
        """
        preprocessor = student.data_preprocessor
        # Some heads of mmpretrain do not say it, as InceptionV3's.
        num_classes = getattr(
            getattr(student, 'head', None), 'num_classes', None) or getattr(
                preprocessor, 'num_classes', None)
        if num_classes is None:
            raise ValueError(
                f'{type(student).__name__} does not say how many classes it '
                'has: set num_classes in its head or its data_preprocessor')
        stated = getattr(preprocessor, 'mean', None) is not None
        normalisation = {
            name: tuple(getattr(preprocessor, name).flatten().tolist())
            for name in ('mean', 'std') if stated
        }
        return cls(
            num_classes=num_classes,
            to_rgb=bool(getattr(preprocessor, 'to_rgb', False)),
            class_names=class_names,
            **normalisation)
