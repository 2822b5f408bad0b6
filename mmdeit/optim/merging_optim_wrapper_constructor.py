"""One parameter group for each setting."""
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmdeit.registry import OPTIM_WRAPPER_CONSTRUCTORS

# What mmengine and mmpretrain add to a group for information: the name, and the
# factors that are in its rate and decay already.
_NOTES = ('param_name', 'lr_mult', 'decay_mult')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MergingOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """mmengine's default, with the parameters of equal settings in one group.

    mmengine makes a group of each parameter, and an optimiser works group by
    group: 150 small updates where two large ones do the same.
    ``paramwise_cfg`` and every update are those of
    ``DefaultOptimWrapperConstructor``. The groups, also in the optimiser's
    state dict, have another order.
    """

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   is_dcn_module: bool | None = None) -> None:
        """Add the parameters of a module and its children, in groups.

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


def merge_groups(groups: list[dict]) -> list[dict]:
    """Merge groups of equal settings.

    Args:
        groups (list[dict]): With ``params``, a list of parameters, and
            settings. ``_NOTES`` are dropped.

    Returns:
        list[dict]: One for each different setting, in the order of their
        first parameters.
    """
    merged: list[dict] = []
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
