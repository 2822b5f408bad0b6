"""No more parameter groups than there are settings.

mmengine makes a group of each parameter, and an optimiser works group by
group: 150 small updates where two large ones do the same.
"""
from typing import List, Optional

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmdeit.registry import OPTIM_WRAPPER_CONSTRUCTORS

# What mmengine and mmpretrain note in a group beside its settings: the name,
# and the factors, which rate and decay have in them already.
_NOTES = ('param_name', 'lr_mult', 'decay_mult')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MergingOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """mmengine's default, with the parameters of equal settings in one group.

    ``paramwise_cfg`` is that of mmengine's
    ``DefaultOptimWrapperConstructor``; so is every update. The groups, and
    with them a checkpoint's optimiser, have another order.
    """

    def add_params(self,
                   params: List[dict],
                   module: nn.Module,
                   prefix: str = '',
                   is_dcn_module: Optional[bool] = None) -> None:
        """Add the parameters of a module, and of all below it, in groups.

        Args:
            params (list[dict]): The groups, changed in place.
            module (nn.Module): The model; further down, a part of it.
            prefix (str): Name of the module in the model. Defaults to ''.
            is_dcn_module (bool, optional): As in mmengine. Defaults to None.
        """
        super().add_params(params, module, prefix, is_dcn_module)
        if not prefix:
            for group in params:  # mmengine states only what differs
                if self.base_lr is not None:
                    group.setdefault('lr', self.base_lr)
                if self.base_wd is not None:
                    group.setdefault('weight_decay', self.base_wd)
            params[:] = merge_groups(params)


def merge_groups(groups: List[dict]) -> List[dict]:
    """Merge groups of equal settings.

    Args:
        groups (list[dict]): With ``params``, a list of parameters, and
            settings. ``_NOTES`` are dropped.

    Returns:
        list[dict]: As many as there are different settings, in the order in
        which these come first.
    """
    merged: List[dict] = []
    for group in groups:
        settings = {
            key: value
            for key, value in group.items()
            if key not in ('params', *_NOTES)
        }
        for other in merged:
            if {**other, 'params': None} == {**settings, 'params': None}:
                other['params'] += group['params']
                break
        else:
            merged.append({**settings, 'params': [*group['params']]})
    return merged
