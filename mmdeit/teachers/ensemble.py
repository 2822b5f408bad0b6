"""Several teachers that answer as one."""
from typing import List, Optional, Sequence

import torch
from torch import Tensor, nn

from mmdeit.registry import MODELS

from .base_teacher import BaseTeacher
from .preprocessing import StudentSpec
from .teacher import Teacher

COMBINATIONS = ('probabilities', 'logits', 'vote')


@MODELS.register_module()
class TeacherEnsemble(BaseTeacher):
    """A weighted mean, or vote, of teachers.

    Each member has its own preprocessing, classes and precision.

    Args:
        members (Sequence[dict]): Configs of :class:`Teacher`.
        weights (Sequence[float], optional): A weight above 0 for each; they
            are divided by their sum. Defaults to None, equal ones.
        combine (str): What is averaged: ``'probabilities'``; ``'logits'``,
            which lets a member with large logits dominate; or ``'vote'``,
            each member's decision, for hard distillation. Ties of a vote
            are broken by the mean probabilities. Defaults to
            ``'probabilities'``.

    Raises:
        ValueError: If there are no members, one of them cannot be built,
            which is named, a weight for each is missing, or ``combine`` is
            unknown.
    """

    # What a vote leaves to the probabilities: less than any voice.
    TIE_BREAK = 1e-4

    def __init__(self,
                 members: Sequence[dict],
                 weights: Optional[Sequence[float]] = None,
                 combine: str = 'probabilities') -> None:
        super().__init__()
        if not members:
            raise ValueError('an ensemble needs members: give members=[...]')
        weights = [1.] * len(members) if weights is None else list(weights)
        if len(weights) != len(members) or not all(
                isinstance(weight, (int, float)) and weight > 0
                for weight in weights):
            raise ValueError(
                f'an ensemble of {len(members)} needs as many weights above '
                f'0, but has {weights}')
        if combine not in COMBINATIONS:
            raise ValueError(f'unknown combination {combine!r}: choose from '
                             f'{COMBINATIONS}')
        self.weights = [weight / sum(weights) for weight in weights]
        self.combine = combine
        self._members = nn.ModuleList(
            _build(member, i) for i, member in enumerate(members, 1))
        for i, member in enumerate(self.members):
            others = [other.name for other in self.members[:i]]
            if member.name in others:
                member.name += f' ({i + 1})'  # messages tell them apart
        self.name = 'ensemble'

    @property
    def members(self) -> List[Teacher]:
        """list[Teacher]: The teachers."""
        return list(self._members)

    def adapt(self, spec: StudentSpec) -> None:
        """Fit each member to a student; see :meth:`BaseTeacher.adapt`."""
        for member in self.members:
            member.adapt(spec)

    def tune(self, inputs: Tensor) -> str:
        """Choose each member's execution; see :meth:`BaseTeacher.tune`."""
        return '\n'.join(member.tune(inputs) for member in self.members)

    def forward(self, inputs: Tensor) -> Tensor:
        """See :meth:`BaseTeacher.forward`."""
        return self.join([member(inputs) for member in self.members])

    def join(self, answers: Sequence[Tensor]) -> Tensor:
        """Make one answer of the members'.

        Args:
            answers (Sequence[Tensor]): Logits of each, ``(N, K)``.

        Returns:
            Tensor: Of shape ``(N, K)``: mean logits, or the logarithm of the
            mean probabilities or of the shares of the vote, whose softmax
            they are.
        """
        logits = [answer.float() for answer in answers]
        if self.combine == 'logits':
            return self._mean(logits)
        probabilities = [z.softmax(dim=1) for z in logits]
        mean = self._mean(probabilities)
        if self.combine == 'vote':
            votes = self._mean([
                torch.zeros_like(p).scatter_(1, p.argmax(1, keepdim=True), 1.)
                for p in probabilities
            ])
            mean = (1 - self.TIE_BREAK) * votes + self.TIE_BREAK * mean
        # Far below any probability, so that its logarithm is finite.
        return mean.clamp_min(1e-30).log()

    def _mean(self, values: List[Tensor]) -> Tensor:
        return sum(
            weight * value for weight, value in zip(self.weights, values))


def _build(member: dict, number: int) -> Teacher:
    try:
        return MODELS.build({'type': 'mmdeit.Teacher', **member})
    except Exception as error:  # whatever its parts raise
        raise ValueError(
            f'teacher {member.get("name", number)!r} of the ensemble: '
            f'{error or type(error).__name__}') from error
