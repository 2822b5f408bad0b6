"""How often classifiers agree, and how similar DeiT's two tokens are."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmdeit.models.distillation import classifiers, joint_logits, scores


def disagreement(decisions: Tensor) -> Tensor:
    """Rates of disagreement, paper Table 4.

    Args:
        decisions (Tensor): Predicted classes of M classifiers for N images:
            integers of shape ``(M, N)``.

    Returns:
        Tensor: For each pair, the share of the images on which they differ;
        of shape ``(M, M)``.
    """
    return torch.stack([(row != decisions).double().mean(dim=1)
                        for row in decisions])  # M x (M, ) -> (M, M)


def token_cosine(tokens: Tensor) -> Tensor:
    """Cosine between the class token and the distillation token.

    Args:
        tokens (Tensor): All tokens, of shape ``(N, T, C)``; these two come
            first.

    Returns:
        Tensor: Cosines of shape ``(N, )``.
    """
    return F.cosine_similarity(tokens[:, 0].float(), tokens[:, 1].float())


def decide(student: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Predict the class with each head of a student.

    Args:
        student (nn.Module): A classifier.
        inputs (Tensor): Preprocessed images ``(N, C, H, W)``.

    Returns:
        dict[str, Tensor]: Classes of shape ``(N, )``, predicted by the
        ``class`` head, the ``distillation`` head and both (``joint``); with
        one head, only ``student``.
    """
    if classifiers(student.head) is None:
        return dict(student=student(inputs).argmax(dim=1))
    cls_score, dist_score = scores(student.head, student.extract_feat(inputs))
    decisive = {
        'class': cls_score,
        'distillation': dist_score,
        'joint': joint_logits(cls_score, dist_score)
    }
    return {name: score.argmax(dim=1) for name, score in decisive.items()}


class TokenCosines:
    """Averages the cosine between the two tokens of a backbone as it runs.

    The stages are ``'input'``, the learned tokens without their positions;
    each layer, by its number; and ``'output'``, what the heads see after the
    final norm.

    Args:
        backbone (nn.Module): A ``mmdeit.DistilledVisionTransformer``.
    """

    def __init__(self, backbone: nn.Module) -> None:
        self.input = token_cosine(
            torch.cat([backbone.cls_token, backbone.dist_token],
                      dim=1).detach())
        modules = [*backbone.layers, *([backbone.ln1] * backbone.final_norm)]
        self.sums: list = [0.] * len(modules)
        self.count = 0
        self.stages = ['input', *map(str, range(1, len(backbone.layers) + 1)),
                       *(['output'] * backbone.final_norm)]
        self._handles = [
            module.register_forward_hook(self._watch(i))
            for i, module in enumerate(modules)
        ]

    def _watch(self, i: int):
        def add(module: nn.Module, args: tuple, tokens: Tensor) -> None:
            # Kept on the device, so that only finish() waits for it.
            self.sums[i] = self.sums[i] + token_cosine(tokens).double().sum()
            self.count += len(tokens) if i == 0 else 0

        return add

    def finish(self) -> dict[str, float]:
        """Stop watching.

        Returns:
            dict[str, float]: Mean cosine over the images, at each stage.
        """
        for handle in self._handles:
            handle.remove()
        means = [self.input.item(), *(float(s) / self.count
                                      for s in self.sums)]
        return dict(zip(self.stages, means))
