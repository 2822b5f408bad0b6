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
    group: 150 small updates where two large ones do the same. Arguments and
    updates are those of ``DefaultOptimWrapperConstructor``. The groups, also
    in the optimiser's state dict, have another order.
    """

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   is_dcn_module: bool | None = None) -> None:
        """As in mmengine; the whole model's groups are merged."""
        super().add_params(params, module, prefix, is_dcn_module)
        if not prefix:
            for group in params:  # mmengine states only what differs
                if self.base_lr is not None:
                    group.setdefault('lr', self.base_lr)
                if self.base_wd is not None:
                    group.setdefault('weight_decay', self.base_wd)
            params[:] = merge_groups(params)


def merge_groups(groups: list[dict]) -> list[dict]:
    """Merge groups of equal settings, in the order of their first parameters.

    ``_NOTES`` are dropped.
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
