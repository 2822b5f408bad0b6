"""Convert a DeiT checkpoint between projects, bit for bit."""
import io
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import torch
from torch import Tensor

from mmdeit.checkpoints import (
    FORMATS,
    add_dist_token,
    check_finite,
    convert,
    detect_names,
    find_weights,
    get_state_dict,
    load_checkpoint,
    saved_classes,
)
from mmdeit.cli import (
    add_traceback_argument,
    check_output,
    end_in_one_line,
)
from mmdeit.files import write_atomically

# The entry of the file that holds the weights; the other formats have only
# weights.
ENTRIES = dict(mmdeit='state_dict', mmpretrain='state_dict', official='model')


def parse_args() -> Namespace:
    parser = ArgumentParser(
        description='''\
Convert the weights of a DeiT, distilled or not, from one format to another:

  mmdeit, mmpretrain  this project and mmpretrain, which are the same
  official            facebookresearch/deit
  timm                .pth or .safetensors
  huggingface         pytorch_model.bin or model.safetensors of
                      DeiTForImageClassificationWithTeacher, or undistilled
                      ViTForImageClassification; config.json is not written

Every tensor is kept bit for bit, and the names of the classes, where both files
have a place for them. Everything else in the file (optimizer, moving average,
log) is left out and listed.''',
        epilog='''\
example:
  convert_deit.py deit_tiny_distilled_patch16_224-b40b3cf7.pth deit-tiny.pth \\
      --to mmdeit''',
        formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        'src', help='checkpoint, or https URL with a hash in its name')
    parser.add_argument(
        'dst', type=Path, help='file to write, .pth or .safetensors')
    parser.add_argument(
        '--from',
        dest='source',
        choices=FORMATS,
        help='format of SRC; detected by default')
    parser.add_argument(
        '--to',
        dest='target',
        choices=FORMATS,
        default='mmdeit',
        help='format of DST; defaults to mmdeit')
    parser.add_argument(
        '--add-dist-token',
        action='store_true',
        help='make a distilled model from an undistilled one: the distillation '
        'token, its position and its classifier are copied from the class '
        'token')
    add_traceback_argument(parser)
    return parser.parse_args()


def safetensors():
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError('.safetensors files need another package: '
                          'pip install safetensors') from error
    return safetensors.torch


def read(path: str) -> tuple[dict, str | None, list[str], list[str]]:
    """Read the weights in a file without running any code in it.

    Returns:
        tuple[dict, str | None, list[str], list[str]]: The weights; the entry
        of the file that held them, None if the file is only weights; the other
        entries; the names of the classes, if the file says them.
    """
    if path.endswith('.safetensors') and Path(path).is_file():
        load_file = safetensors().load_file
        try:
            weights = load_file(path)
        except Exception as error:  # damaged files raise several types
            raise ValueError(f'{path} is not a complete .safetensors file: '
                             f'download it again ({error})') from error
        check_finite(path, weights)
        return weights, None, [], []
    # The official code saves its arguments, a Namespace, with the weights.
    if hasattr(torch.serialization, 'add_safe_globals'):
        torch.serialization.add_safe_globals([Namespace])
    checkpoint = load_checkpoint(path)
    _, entry = find_weights(checkpoint)
    others = [str(name) for name in checkpoint if entry and name != entry]
    classes = list(saved_classes(checkpoint) or [])
    return get_state_dict(checkpoint), entry, others, classes


def check_target(path: Path, source: str, target: str) -> None:
    """Refuse what cannot be written, before anything is read.

    Raises:
        ValueError: If it is no regular file, is the source, or has the suffix
            of another format.
    """
    check_output(path, 'DST')
    if path.exists() and not path.is_file():
        raise ValueError(f'DST {path} is a device or a pipe: give another name')
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise ValueError(f'DST {path} is SRC: give another name')
    if path.suffix == '.safetensors' and target in ENTRIES:
        raise ValueError(f'{path}: {target} cannot read .safetensors: name it '
                         f'{path.stem}.pth')


def write(path: Path, weights: dict[str, Tensor], target: str,
          classes: list[str]) -> None:
    """Write the weights in the format ``target``, whole or not at all."""
    entry = ENTRIES.get(target)
    content = {entry: weights} if entry else weights
    if entry == 'state_dict' and classes:
        content['meta'] = dict(dataset_meta=dict(classes=classes))
    if path.suffix == '.safetensors':
        data = safetensors().save(content, {'format': 'pt'})
    else:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        data = buffer.getvalue()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise OSError(f'cannot write {path} ({error.strerror}): make room, or '
                      'give another DST') from error


def convert_file(args: Namespace) -> None:
    check_target(args.dst, args.src, args.target)
    weights, entry, others, classes = read(args.src)
    try:
        source = args.source or detect_names(weights)
        if source == 'timm' and entry == 'model' and not args.source:
            source = 'official'
        weights = convert(weights, source, 'mmdeit')
        if args.add_dist_token:
            weights = add_dist_token(weights)
    except ValueError as error:
        raise ValueError(f'{args.src}: {error}') from error
    write(args.dst, convert(weights, 'mmdeit', args.target), args.target,
          classes)
    _, tokens, width = weights['backbone.pos_embed'].shape
    kind = 'dist' if 'backbone.dist_token' in weights else 'undist'
    print(f'{args.src} ({source}) -> {args.dst} ({args.target}): {kind}illed, '
          f'{tokens} tokens of width {width}, '
          f'{len(weights["head.layers.head.bias"])} classes')
    if others:
        print(f'Left out: {", ".join(others)}')


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        convert_file(args)


if __name__ == '__main__':
    main()
