"""Whether a checkpoint fits a model, checked before it is loaded.

mmengine loads what fits and lists the rest. Here a wrong file is an error, and
what fine-tuning leaves out is one warning. Position embeddings fit where their
width does, because the model interpolates them.
"""
from torch import Tensor, nn

from .conversion import check_state_dict, detect_names, first_names
from .loading import check_numbers, get_state_dict

Weights = dict[str, Tensor]


def match_checkpoint(checkpoint: dict, model: nn.Module, start: bool) -> str:
    """Make a checkpoint fit a model, or say why it does not.

    Args:
        checkpoint (dict): See :func:`get_state_dict`. Afterwards its
            ``state_dict`` is what to load.
        model (nn.Module): A model with a ``backbone``.
        start (bool): Whether training starts from it. Then what it lacks or
            has for other classes, outside the backbone, stays as initialised.

    Returns:
        str: What is left out or stays as initialised; empty if nothing.

    Raises:
        ValueError: If the names or the size of the backbone differ or, unless
            training starts, any tensor.
    """
    weights = get_state_dict(checkpoint)
    # As ImageClassifier does when it loads: RegNetY takes timm's names.
    backbone = getattr(model, 'backbone', None)
    rename = getattr(backbone, '_checkpoint_filter', None)
    if rename:
        rename(weights, '')

    own = {name: param.data for name, param in model.named_parameters()}
    _add_prefix(weights, own)
    _check_names(weights, own)
    check_numbers(weights, own)
    known = model.state_dict()
    unknown = [name for name in weights if name not in known]
    lost = [name for name in own if _differs(name, weights, own)]
    # The backbone makes that token from the class token, and logs it.
    new = [name for name in own
           if name not in weights and name != 'backbone.dist_token']
    _check_size(weights, own, lost, new, unknown)
    checkpoint['state_dict'] = weights
    if not start:
        _check_classes(weights, own, lost, new)
        return ''
    fit_positions = getattr(backbone, 'fit_positions', None)
    if fit_positions:
        fit_positions(weights)
    notes = [
        lost and f'left out {", ".join(lost)}: for {len(weights[lost[0]])} '
        f'classes, the model has {len(own[lost[0]])}',
        unknown and f'left out {first_names(unknown)}: not in the model',
        new and f'no {", ".join(new)} in it: they stay as initialised',
    ]
    for name in unknown:
        del weights[name]
    # With the model's own tensors mmengine finds nothing to warn of.
    weights.update({name: own[name] for name in lost + new})
    return '; '.join(note for note in notes if note)


def _add_prefix(weights: Weights, own: Weights) -> None:
    """Give a backbone alone, in place, the names that it has in a model."""
    inside = [name for name in weights if f'backbone.{name}' in own]
    if len(inside) >= len(own) / 2:
        for name in list(weights):
            weights[f'backbone.{name}'] = weights.pop(name)


def _differs(name: str, weights: Weights, own: Weights) -> bool:
    if name not in weights:
        return False
    shape, expected = weights[name].shape, own[name].shape
    # (1, T, C) and (T, heads) of Swin: T is interpolated
    if name.endswith(('pos_embed', 'relative_position_bias_table')):
        return shape[-1:] != expected[-1:]
    return shape != expected


def _check_names(weights: Weights, own: Weights) -> None:
    if sum(name in own for name in weights) >= len(own) / 10:
        return
    problem = (f'its tensors {first_names(weights) or "(none)"} fit no model '
               f'with {first_names(own)}')
    try:
        found = detect_names(weights)
        check_state_dict(weights, found)
        problem = (f'it has the names of {found}, expected mmdeit: convert it '
                   'by python tools/model_converters/convert_deit.py SRC DST')
    except ValueError:
        pass  # no DeiT at all
    raise ValueError(problem)


def _check_size(weights: Weights, own: Weights, lost: list[str],
                missing: list[str], unknown: list[str]) -> None:
    shapes = {name: (tuple(weights[name].shape), tuple(own[name].shape))
              for name in lost}
    # A classifier differs in its first dimension, the classes.
    problems = [
        f'{name} has shape {shape}, expected {expected}'
        for name, (shape, expected) in shapes.items()
        if name.startswith('backbone.') or shape[1:] != expected[1:]
    ]
    for owner, names in (('it', missing), ('the model', unknown)):
        names = [name for name in names if name.startswith('backbone.')]
        if names:
            problems.append(f'{owner} has no {first_names(names)}')
    if problems:
        raise ValueError(f'{problems[0]}: give a checkpoint of this size, or '
                         'correct type, arch, patch_size and in_channels of '
                         'model.backbone')


def _check_classes(weights: Weights, own: Weights, lost: list[str],
                   missing: list[str]) -> None:
    problem = missing and (
        f'it has no {first_names(missing)}: give a checkpoint of the whole '
        'model; this one may start a training by load_from')
    if lost:
        problem = (f'{lost[0]} is for {len(weights[lost[0]])} classes, '
                   f'expected {len(own[lost[0]])}: correct num_classes or give '
                   'another checkpoint')
    if problem:
        raise ValueError(problem)
