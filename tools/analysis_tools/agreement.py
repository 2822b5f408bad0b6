"""Who decides like whom, and how alike DeiT's two tokens are."""
from typing import Dict, List

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def disagreement(decisions: Tensor) -> Tensor:
    """Rates of disagreement, paper Table 4.

    Args:
        decisions (Tensor): Classes that M classifiers decide for, on N
            images: integers of shape ``(M, N)``.

    Returns:
        Tensor: For each pair, the share of the images on which they differ;
        of shape ``(M, M)``.
    """
    return torch.stack([(row != decisions).double().mean(dim=1)
                        for row in decisions])  # M x (M, ) -> (M, M)


def token_cosine(tokens: Tensor) -> Tensor:
    """Cosine between the class token and the distillation token.

    Args:
        tokens (Tensor): All tokens, of shape ``(N, T, C)``; these two are the
            first.

    Returns:
        Tensor: Cosines of shape ``(N, )``.
    """
    return F.cosine_similarity(tokens[:, 0].float(), tokens[:, 1].float())


def decide(student: nn.Module, inputs: Tensor) -> Dict[str, Tensor]:
    """Let a student decide, with each of its heads.

    Args:
        student (nn.Module): A classifier.
        inputs (Tensor): Its images ``(N, C, H, W)``.

    Returns:
        dict[str, Tensor]: Classes of shape ``(N, )`` that the ``class``
        head, the ``distillation`` head and the ``joint`` prediction decide
        for; with one head, ``student`` alone.
    """
    # DeiT's head knows its logits, DistilledClassifier those of other heads.
    owner = student if hasattr(student, 'scores') else student.head
    if not hasattr(owner, 'scores'):
        return dict(student=student(inputs).argmax(dim=1))
    cls_score, dist_score = owner.scores(student.extract_feat(inputs))
    if cls_score is dist_score:
        return dict(student=cls_score.argmax(dim=1))
    scores = {
        'class': cls_score,
        'distillation': dist_score,
        'joint': (cls_score + dist_score) / 2
    }
    return {name: score.argmax(dim=1) for name, score in scores.items()}


class TokenCosines:
    """Watches a backbone, and averages the cosine of its two tokens.

    The stages are ``'input'``, the learned tokens themselves, without their
    position; each layer, by its number; and ``'output'``, what the heads see
    after the final norm.

    Args:
        backbone (nn.Module): A ``mmdeit.DistilledVisionTransformer``.
    """

    def __init__(self, backbone: nn.Module) -> None:
        self.input = token_cosine(
            torch.cat([backbone.cls_token, backbone.dist_token],
                      dim=1).detach())
        modules = [*backbone.layers, *([backbone.ln1] * backbone.final_norm)]
        self.sums: List = [0.] * len(modules)
        self.count = 0
        self.stages = ['input', *map(str, range(1, len(backbone.layers) + 1)),
                       *(['output'] * backbone.final_norm)]
        self._handles = [
            module.register_forward_hook(self._watch(i))
            for i, module in enumerate(modules)
        ]

    def _watch(self, i: int):
        def add(module: nn.Module, args: tuple, tokens: Tensor) -> None:
            # stays on its device: the end of the pass waits once for all
            self.sums[i] = self.sums[i] + token_cosine(tokens).double().sum()
            self.count += len(tokens) if i == 0 else 0

        return add

    def finish(self) -> Dict[str, float]:
        """Stop watching.

        Returns:
            dict[str, float]: Mean cosine over the images, at each stage.
        """
        for handle in self._handles:
            handle.remove()
        means = [self.input.item(), *(float(s) / self.count
                                      for s in self.sums)]
        return dict(zip(self.stages, means))
