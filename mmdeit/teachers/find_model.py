"""Classifiers of mmpretrain, by a config file or by their name."""
from pathlib import Path

from mmengine.config import Config
from mmpretrain.apis import ModelHub


def find_model(name: str) -> tuple:
    """Look up a classifier by its config file or its name in mmpretrain.

    Args:
        name (str): Path of a config file, or a name such as
            ``'resnet50_8xb32_in1k'``.

    Returns:
        tuple[dict, str | None]: Config of the model with its data
        preprocessor, and the address of its weights, if it is known.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If mmpretrain knows no such name, or the file has no
            model.
    """
    weights = None
    if name.endswith('.py'):
        if not Path(name).is_file():
            raise FileNotFoundError(
                f"no config of a teacher at {name}: correct the path")
        cfg = Config.fromfile(name)
        if 'model' not in cfg:
            raise ValueError(
                f"{name} describes no model: give a teacher's config")
    else:
        try:
            metainfo = ModelHub.get(name)
        except ValueError as error:
            raise ValueError(
                f'mmpretrain has no model {name!r}: mmpretrain.list_models() '
                'lists the names; a config file ends in .py') from error
        cfg, weights = metainfo.config, metainfo.weights
    model = cfg.model
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    # Its types are found whatever the scope of the student's config.
    model.setdefault('_scope_', cfg.get('default_scope', 'mmpretrain'))
    return model, weights
