"""Teachers of Hugging Face's hub, or in its format."""
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.models import HuggingFaceClassifier as _HuggingFaceClassifier

from mmdeit.registry import MODELS

from .execution import reason_of
from .preprocessing import rgb_normalization


@MODELS.register_module()
class HuggingFaceClassifier(_HuggingFaceClassifier):
    """mmpretrain's wrapper, with the normalisation and class names.

    No code of a repository is executed, and pickled files only give tensors.
    Checkpoints of transformers load as they are.

    Args:
        model_name (str): Name on the hub, as ``'microsoft/resnet-50'``, or a
            folder of ``save_pretrained``.
        pretrained (bool): Whether to load its weights, in float32. False
            takes its config only, for a checkpoint that is loaded later.
            Defaults to True.
    """

    def __init__(self, model_name: str, pretrained: bool = True) -> None:
        import transformers
        if not transformers.is_torch_available():
            raise ImportError('transformers is too new for this torch: '
                              "pip install 'transformers<4.50'")
        loading = dict(trust_remote_code=False)
        if pretrained:
            loading.update(weights_only=True, output_loading_info=True)
        try:
            super().__init__(model_name, pretrained, **loading)
        except Exception as error:  # damaged files raise many types
            raise ValueError(
                f'cannot load {model_name!r}: give a classifier that needs no '
                f'code of its own ({reason_of(error)})') from error
        if pretrained:
            self.model, info = self.model
            self.unloaded = sorted(info['missing_keys'])
        # Newer releases keep the precision of the file, even a half.
        self.model.float()
        config = self.model.config
        self.class_names = [
            config.id2label[i] for i in range(config.num_labels)
        ]
        self.data_preprocessor = _preprocessor(transformers, model_name)


def _preprocessor(transformers, model_name: str) -> ClsDataPreprocessor | None:
    try:
        cfg, _ = transformers.ImageProcessingMixin.get_image_processor_dict(
            model_name)
    except OSError:  # it has none
        return None
    if not cfg.get('do_normalize', True):
        return rgb_normalization([0.] * 3, [1.] * 3)
    mean, std = cfg.get('image_mean'), cfg.get('image_std')
    return rgb_normalization(mean, std) if mean and std else None
