"""Classifiers of mmpretrain, by a config file or by their name."""
from pathlib import Path
from typing import Optional

from mmengine.config import Config
from mmpretrain.apis import ModelHub


def find_model(name: str, checkpoint: Optional[str] = None) -> tuple:
    """Look up a classifier by its config file or its name in mmpretrain.

    Args:
        name (str): Path of a config file, or a name such as
            ``'resnet50_8xb32_in1k'``.
        checkpoint (str, optional): Weights that replace mmpretrain's.
            Defaults to None.

    Returns:
        tuple[dict, str | None]: Config of the model with its data
        preprocessor, and path or address of its weights; None for a config
        file without.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If mmpretrain knows no such name, or has no weights of it
            and no others are given, or the file has no model.
    """
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
        cfg, checkpoint = metainfo.config, checkpoint or metainfo.weights
        if not checkpoint:
            raise ValueError(
                f'mmpretrain has no weights of {name!r}: give a checkpoint')
    model = cfg.model
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    # Its types are found whatever the scope of the student's config.
    model.setdefault('_scope_', cfg.get('default_scope', 'mmpretrain'))
    return model, checkpoint
