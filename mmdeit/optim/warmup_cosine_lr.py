"""DeiT's learning rate, as its training loop really sets it."""
import logging
import math

from mmengine.logging import print_log
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, _ParamScheduler

from mmdeit.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(LRSchedulerMixin, _ParamScheduler):
    r"""Linear warm-up, then a cosine that counts from the very start.

    .. math::
        \eta_t = \begin{cases}
            \eta_w + t (\eta_0 - \eta_w) / w & t < w \\
            \eta_{min} + (\eta_0 - \eta_{min}) (1 + \cos(\pi t / T)) / 2
            & t \ge w
        \end{cases}

    as in timm's ``CosineLRScheduler``; a chain of mmengine's schedulers begins
    the cosine after the warm-up instead. The official loop sets the rate at
    the *end* of epoch e for :math:`t = e`, so that epochs 0 and 1 both train
    at :math:`\eta_w` and epoch e at :math:`t = e - 1`: that is ``delay=1``.

    Args:
        optimizer (Optimizer | OptimWrapper): The optimizer.
        T_max (int, optional): :math:`T` in epochs. Defaults to None, ``end``.
        warmup (int): :math:`w` in epochs. Defaults to 5.
        warmup_lr (float): :math:`\eta_w`. Defaults to 1e-6.
        eta_min (float): :math:`\eta_{min}`. Defaults to 1e-5.
        delay (int): Epochs by which the rate lags behind. Defaults to 1.
        begin, end, last_step, verbose: As in mmengine, in epochs; the Runner
            gives ``end``, the length of training.
        by_epoch (bool): Whether to step by epoch. Defaults to True. With
            ``convert_to_iter_based=True`` in the config lengths stay in
            epochs, and the rate moves with each iteration.
    """

    def __init__(self,
                 optimizer,
                 T_max: int | None = None,
                 warmup: int = 5,
                 warmup_lr: float = 1e-6,
                 eta_min: float = 1e-5,
                 delay: int = 1,
                 begin: int = 0,
                 end: int = INF,
                 last_step: int = -1,
                 by_epoch: bool = True,
                 verbose: bool = False) -> None:
        self.T_max = T_max or end - begin
        self.warmup = warmup
        self.warmup_lr = warmup_lr
        self.eta_min = eta_min
        self.delay = delay
        super().__init__(
            optimizer,
            begin=begin,
            end=end,
            last_step=last_step,
            by_epoch=by_epoch,
            verbose=verbose)
        peak = max(self.base_values)
        if peak < max(eta_min, warmup_lr):
            print_log(
                f'WarmupCosineLR: the learning rate {peak:.1e} lies below '
                f'eta_min {eta_min:.1e} or warmup_lr {warmup_lr:.1e}, which '
                'scaling by the batch leaves as they are: set both lower in '
                'param_scheduler.', 'current', logging.WARNING)

    @classmethod
    def build_iter_from_epoch(cls,
                              *args,
                              epoch_length: int,
                              T_max: int | None = None,
                              warmup: int = 5,
                              delay: int = 1,
                              begin: int = 0,
                              end: int = INF,
                              by_epoch: bool = True,
                              **kwargs) -> 'WarmupCosineLR':
        """Build the schedule in iterations, ``epoch_length`` to an epoch.

        mmengine asserts ``by_epoch`` before.
        """
        return cls(
            *args,
            T_max=T_max and T_max * epoch_length,
            warmup=warmup * epoch_length,
            delay=delay * epoch_length,
            begin=begin * epoch_length,
            end=end if end == INF else end * epoch_length,
            by_epoch=False,
            **kwargs)

    def _get_value(self) -> list[float]:
        t = max(self.last_step - self.delay, 0)
        if t < self.warmup:
            low, part, whole = self.warmup_lr, t, self.warmup
        else:
            cosine = math.cos(math.pi * t / self.T_max)
            low, part, whole = self.eta_min, 1 + cosine, 2
        return [low + part * (peak - low) / whole for peak in self.base_values]
