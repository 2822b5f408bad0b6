"""What everybody may ask of a teacher, be it one network or several."""
from abc import ABCMeta, abstractmethod
from typing import List, Sequence

from torch import Tensor, nn

from .preprocessing import StudentSpec


class BaseTeacher(nn.Module, metaclass=ABCMeta):
    """A frozen network, or several, that a student learns from.

    Its life: :meth:`adapt` to the student, :meth:`tune` on a batch, then
    answer each batch of the training.
    """

    name: str
    """How messages call it."""

    @property
    @abstractmethod
    def members(self) -> List['BaseTeacher']:
        """list[Teacher]: The networks, each of which is examined."""

    @abstractmethod
    def adapt(self, spec: StudentSpec) -> None:
        """Fit the preprocessing and the classes to a student.

        Args:
            spec (StudentSpec): What the student sees.

        Raises:
            ValueError: If a member does not fit; it is named.
        """

    @abstractmethod
    def tune(self, inputs: Tensor) -> str:
        """Take the fastest of the ways that the config leaves open.

        Args:
            inputs (Tensor): A batch of the student's, ``(N, C, H, W)``.

        Returns:
            str: What was chosen, and from which timings, a line for each
            member.

        Raises:
            ValueError: If none of them works; the member is named.
        """

    @abstractmethod
    def join(self, answers: Sequence[Tensor]) -> Tensor:
        """Make one answer of the members'.

        Args:
            answers (Sequence[Tensor]): Logits of each, ``(N, K)``.

        Returns:
            Tensor: Logits of shape ``(N, K)``.
        """

    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """Answer a batch of the student's.

        Args:
            inputs (Tensor): Normalised, mixed images of shape
                ``(N, C, H, W)``.

        Returns:
            Tensor: Logits for the student's K classes, of shape ``(N, K)``.
        """
