"""Teachers of timm, with the weights that are named and no others."""
from difflib import get_close_matches

from mmpretrain.models import TimmClassifier as _TimmClassifier

from mmdeit.registry import MODELS

from .execution import reason_of
from .preprocessing import rgb_normalization


@MODELS.register_module()
class TimmClassifier(_TimmClassifier):
    """mmpretrain's wrapper, with timm's normalisation and class names.

    Checkpoints of timm load as they are.

    Args:
        model_name (str): Name in timm with the tag of its weights, as
            ``'regnety_160.deit_in1k'``; or ``'hf-hub:...'`` or
            ``'local-dir:...'``, a model in timm's format elsewhere.
        pretrained (bool): Whether to fetch those weights. Defaults to True.
        num_classes (int, optional): Number K of classes of a checkpoint that
            is loaded later. Defaults to None, those of the weights.
    """

    def __init__(self,
                 model_name: str,
                 pretrained: bool = True,
                 num_classes: int | None = None) -> None:
        import timm
        from timm.models import set_pretrained_check_hash
        if pretrained and ':' not in model_name:
            # An untagged name is whichever weights timm prefers by now.
            architecture = model_name.partition('.')[0]
            choices = timm.list_pretrained(
                f'{architecture}.*') or get_close_matches(
                    architecture, timm.list_models(), n=5, cutoff=0.)
            if model_name not in choices:
                raise ValueError(
                    f'{model_name!r} names no weights of timm: choose from '
                    f'{choices}, or set pretrained=False')
        if pretrained and num_classes is not None:
            raise ValueError(f'num_classes would give {model_name!r} a random '
                             'head: leave it out, or set pretrained=False')
        # timm checks the few downloads that are not the hub's only if asked.
        set_pretrained_check_hash(True)
        try:
            super().__init__(
                model_name, pretrained=pretrained, num_classes=num_classes)
        except Exception as error:  # damaged files raise many types
            raise ValueError(
                f'cannot load {model_name!r}: correct its name, or give other '
                f'weights ({reason_of(error)})') from error
        cfg = self.model.pretrained_cfg
        self.data_preprocessor = rgb_normalization(cfg['mean'], cfg['std'])
        self.class_names = cfg.get('label_names')
        if 'in1k' in (cfg.get('tag') or '') and self.model.num_classes == 1000:
            from timm.data import ImageNetInfo

            # WordNet's identifiers, as the folders of ImageNet are named.
            self.class_names = ImageNetInfo().label_names()
