"""Several teachers that answer as one."""
from typing import Sequence

import torch
from torch import Tensor, nn

from mmdeit.registry import MODELS

COMBINATIONS = ('probabilities', 'logits', 'vote')


@MODELS.register_module()
class TeacherEnsemble(nn.Module):
    """A weighted mean, or vote, of teachers.

    Each member has its own preprocessing, classes and precision.

    Args:
        members (Sequence[dict]): Configs of :class:`Teacher`.
        weights (Sequence[float], optional): A weight above 0 for each; they
            are divided by their sum. Defaults to None, equal ones.
        combine (str): What is averaged: ``'probabilities'``; ``'logits'``,
            which lets a member with large logits dominate; or ``'vote'``,
            each member's decision, for hard distillation, where the mean
            probabilities break a tie. Defaults to ``'probabilities'``.
    """

    # Weight of the probabilities in a vote: enough to break ties only.
    TIE_BREAK = 1e-4

    def __init__(self,
                 members: Sequence[dict],
                 weights: Sequence[float] | None = None,
                 combine: str = 'probabilities') -> None:
        super().__init__()
        weights = [1.] * len(members) if weights is None else list(weights)
        if not members or len(weights) != len(members) or min(weights) <= 0:
            raise ValueError(
                f'an ensemble has {len(members)} members and the weights '
                f'{weights}: give members, and a weight above 0 for each')
        if combine not in COMBINATIONS:
            raise ValueError(f'combine={combine!r}: choose from {COMBINATIONS}')
        self.name = 'ensemble'
        self.weights = [weight / sum(weights) for weight in weights]
        self.combination = combine
        self.members = nn.ModuleList(
            MODELS.build({'type': 'mmdeit.Teacher', **member})
            for member in members)
        for i, member in enumerate(self.members):
            if member.name in [other.name for other in self.members[:i]]:
                member.name += f' ({i + 1})'  # messages tell them apart

    def forward(self, inputs: Tensor) -> Tensor:
        """Answer a batch of the student's, as :meth:`Teacher.forward`."""
        return self.combine([member(inputs) for member in self.members])

    def combine(self, answers: Sequence[Tensor]) -> Tensor:
        """Make one answer ``(N, K)`` of the members' logits ``(N, K)``.

        It is the mean logits, or the logarithm of the mean probabilities or of
        the shares of the vote, which its softmax gives back.
        """
        logits = [answer.float() for answer in answers]
        if self.combination == 'logits':
            return self._mean(logits)
        probabilities = [z.softmax(dim=1) for z in logits]
        mean = self._mean(probabilities)
        if self.combination == 'vote':
            votes = self._mean([
                torch.zeros_like(p).scatter_(1, p.argmax(1, keepdim=True), 1.)
                for p in probabilities
            ])
            mean = (1 - self.TIE_BREAK) * votes + self.TIE_BREAK * mean
        # Far below any probability, so that its logarithm is finite.
        return mean.clamp_min(1e-30).log()

    def _mean(self, values: Sequence[Tensor]) -> Tensor:
        return sum(
            weight * value for weight, value in zip(self.weights, values))
