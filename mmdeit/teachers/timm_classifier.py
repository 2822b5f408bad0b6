"""Teachers of timm, with the weights that are named and no others."""
from difflib import get_close_matches
from typing import Optional

from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.models import TimmClassifier as _TimmClassifier

from mmdeit.registry import MODELS


@MODELS.register_module()
class TimmClassifier(_TimmClassifier):
    """mmpretrain's wrapper, with timm's normalisation and names of classes.

    It says ``mean`` and ``std`` and leaves the order of channels, RGB, as the
    student has it. Checkpoints of timm load as they are.

    Args:
        model_name (str): Name in timm with the tag of its weights, as
            ``'regnety_160.deit_in1k'``; or ``'hf-hub:...'`` or
            ``'local-dir:...'``, a model in timm's format elsewhere.
        pretrained (bool): Whether to fetch those weights. Defaults to True.
        num_classes (int, optional): Number K of classes of a checkpoint that
            is loaded later. Defaults to None, those of the weights.

    Raises:
        ImportError: If timm is missing.
        ValueError: If timm has no such model or weights, or they do not have
            so many classes.
    """

    def __init__(self,
                 model_name: str,
                 pretrained: bool = True,
                 num_classes: Optional[int] = None) -> None:
        try:
            import timm
            from timm.models import set_pretrained_check_hash
        except ImportError as error:
            raise ImportError('mmdeit.TimmClassifier needs timm: pip install '
                              "'mmdeit[teachers]', or timm") from error
        if ':' not in model_name:
            _check_name(timm, model_name, pretrained)
        if pretrained and num_classes is not None:
            raise ValueError(
                f'num_classes={num_classes} would give {model_name!r} a '
                'random head: leave it out, or set pretrained=False and give '
                'the checkpoint')
        # timm checks the few downloads that are not the hub's only if asked.
        set_pretrained_check_hash(True)
        super().__init__(
            model_name, pretrained=pretrained, num_classes=num_classes)
        cfg = self.model.pretrained_cfg
        self.data_preprocessor = ClsDataPreprocessor(
            mean=[255 * value for value in cfg['mean']],
            std=[255 * value for value in cfg['std']],
            to_rgb=None)
        self.class_names = cfg.get('label_names')
        if 'in1k' in (cfg.get('tag') or '') and self.model.num_classes == 1000:
            from timm.data import ImageNetInfo

            # WordNet's identifiers, as the folders of ImageNet are named.
            self.class_names = ImageNetInfo().label_names()


def _check_name(timm, model_name: str, pretrained: bool) -> None:
    architecture = model_name.partition('.')[0]
    if not timm.is_model(architecture):
        close = get_close_matches(
            architecture, timm.list_models(), n=5, cutoff=0.)
        raise ValueError(f'timm has no model {architecture!r}: the closest of '
                         f'timm.list_models() are {close}')
    # An untagged name stands for whichever weights timm prefers by now.
    tagged = timm.list_pretrained(f'{architecture}.*')
    if pretrained and model_name not in tagged:
        raise ValueError(
            f'{model_name!r} names no weights of timm: choose from {tagged}, '
            'or set pretrained=False and give a checkpoint')
