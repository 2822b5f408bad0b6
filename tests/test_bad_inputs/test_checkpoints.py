"""Checkpoints of the student and of its teacher, to start from or to test."""

import os

import pytest
import torch

from .world import Case, World, run

TEACHER = 'train --cfg-options default_hooks.teacher.teacher.'
FROM = 'train --cfg-options load_from=student.pth'
CHECK = 'check --cfg-options default_hooks.teacher.preflight=6'


class Canary:
    """A pickle that would run a command."""

    def __reduce__(self) -> tuple:
        return os.system, ('touch canary',)


def weights(change, name='student.pth'):
    """Change the weights of a checkpoint."""
    return lambda world: world.change_checkpoint(
        lambda checkpoint: change(checkpoint['state_dict']), name
    )


def first(value):
    """Set the first number of the first tensor."""

    def change(state_dict) -> None:
        next(iter(state_dict.values())).view(-1)[0] = value

    return change


NAN = weights(first(float('nan')))


def save(content, name='student.pth', **kwargs):
    return lambda world: torch.save(content, world / name, **kwargs)


def resumable(world: World) -> None:
    """A work directory whose newest checkpoint is student.pth."""
    folder = world / 'work_dirs/config'
    folder.mkdir(parents=True)
    (world / 'student.pth').rename(folder / 'epoch_1.pth')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')


def nan_in_training(world: World) -> None:
    """All that is needed to go on, but not finite."""
    NAN(world)
    world.change_checkpoint(
        lambda checkpoint: checkpoint.update(
            meta=dict(epoch=1, iter=3),
            message_hub={},
            optimizer={},
            param_schedulers=[],
        )
    )


def cut(name: str):
    """Cut a file in half."""

    def spoil(world: World) -> None:
        data = (world / name).read_bytes()
        world.write(name, data[: len(data) // 2])

    return spoil


def pretrained(world: World) -> None:
    """Start the backbone from the student's checkpoint."""
    world.configure(
        "model['backbone']['init_cfg'] = dict(type='Pretrained', "
        "checkpoint='student.pth', prefix='backbone.')"
    )


OFFICIAL = {
    'cls_token': torch.ones(1, 1, 8),
    'dist_token': torch.ones(1, 1, 8),
    'pos_embed': torch.ones(1, 6, 8),
    'patch_embed.proj.weight': torch.ones(8, 3, 4, 4),
}

CASES = [
    # files
    Case(
        'not there',
        'test',
        'no checkpoint at student.pth: correct the path',
        lambda w: w.remove('student.pth'),
    ),
    Case(
        'a folder',
        'test',
        'no checkpoint at student.pth: correct the path',
        lambda w: (w.remove('student.pth'), w.folder('student.pth')),
    ),
    Case(
        'empty',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        lambda w: w.write('student.pth', ''),
    ),
    Case(
        'cut off',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        cut('student.pth'),
    ),
    Case(
        'a web page',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        lambda w: w.write('student.pth', '<html></html>'),
    ),
    Case(
        'text',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        lambda w: w.write('student.pth', 'weights'),
    ),
    Case(
        'with code',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        save(dict(state_dict=Canary())),
    ),
    Case(
        'with code, in the old format',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        save(dict(state_dict=Canary()), _use_new_zipfile_serialization=False),
    ),
    Case(
        'a tensor',
        'test',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        save(torch.ones(3)),
    ),
    Case(
        'nothing in it',
        'test',
        'student.pth: its tensors (none) fit no model with '
        'backbone.cls_token, backbone.pos_embed, backbone.dist_token',
        save({}),
    ),
    Case(
        'no address of https',
        FROM.replace('student.pth', 'http://a.b/c-01234567.pth'),
        'http://a.b/c-01234567.pth could be changed on its way: write '
        'https://a.b/c-01234567.pth, or give the path of',
    ),
    Case(
        'an address without a hash',
        FROM.replace('student.pth', 'https://a.b/c.pth'),
        'https://a.b/c.pth has no hash in its name to check it by: give the '
        'path of a file',
    ),
    Case(
        'load_from is not there',
        FROM,
        'no checkpoint at student.pth: correct the path',
        lambda w: w.remove('student.pth'),
    ),
    Case(
        'load_from is cut off',
        FROM,
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        cut('student.pth'),
    ),
    # weights
    Case(
        'nan, to test',
        'test',
        'student.pth is not finite in backbone.cls_token, as after a '
        'training that diverged: give an earlier checkpoint',
        NAN,
    ),
    Case(
        'nan, to start from',
        FROM,
        'student.pth is not finite in backbone.cls_token, as after a '
        'training that diverged: give an earlier checkpoint',
        NAN,
    ),
    Case(
        'inf, to test',
        'test',
        'student.pth is not finite in backbone.cls_token, as after a '
        'training that diverged: give an earlier checkpoint',
        weights(first(float('inf'))),
    ),
    Case(
        'nan, in the agreement',
        'agreement',
        'student.pth is not finite in backbone.cls_token, as after a '
        'training that diverged: give an earlier checkpoint',
        NAN,
    ),
    Case(
        'nan, in the teacher',
        'train',
        'teacher.pth is not finite in backbone.conv1.weight, as after a '
        'training that diverged: give an earlier',
        weights(first(float('nan')), 'teacher.pth'),
    ),
    Case(
        'nan, in the teacher, checked',
        CHECK,
        'teacher.pth is not finite in backbone.conv1.weight, as after a '
        'training that diverged: give an earlier',
        weights(first(float('nan')), 'teacher.pth'),
    ),
    Case(
        'nan, in init_cfg',
        'train',
        'student.pth is not finite in backbone.cls_token, as after a '
        'training that diverged: give an earlier checkpoint',
        lambda w: (NAN(w), pretrained(w)),
    ),
    Case(
        'another model',
        'test',
        'student.pth: its tensors backbone.conv1.weight, '
        'backbone.bn1.weight, backbone.bn1.bias and 119 more fit no',
        lambda w: w.move('teacher.pth', 'student.pth'),
    ),
    Case(
        'another model, to start from',
        FROM,
        'student.pth: its tensors backbone.conv1.weight, '
        'backbone.bn1.weight, backbone.bn1.bias and 119 more fit no',
        lambda w: w.move('teacher.pth', 'student.pth'),
    ),
    Case(
        'another width',
        'test',
        'student.pth: backbone.cls_token has shape (1, 1, 9), expected (1, '
        '1, 8): give a checkpoint of this size, or',
        weights(
            lambda s: s.update({'backbone.cls_token': torch.ones(1, 1, 9)})
        ),
    ),
    *(Case(
        f'{what}, {place}',
        command,
        line + f' is of {found}, expected torch.float32: give the weights from',
        lambda w, change=change, file=file, name=name: w.change_checkpoint(
            lambda c: c['state_dict'].update(
                {name: change(c['state_dict'][name])}), file),
    ) for what, found, change in (
        ('whole numbers', 'torch.int8', lambda t: t.to(torch.int8)),
        ('complex numbers', 'torch.complex64', lambda t: t * 1j),
        ('a list of numbers', 'list', lambda t: t.tolist()),
    ) for place, command, file, name, line in (
        ('to test', 'test', 'student.pth', 'backbone.cls_token',
         'student.pth: backbone.cls_token'),
        ('in the teacher', 'train', 'teacher.pth', 'head.fc.weight',
         'teacher.pth does not hold the weights of this model: head.fc.weight'),
    )),
    Case(
        'safetensors',
        'train --cfg-options load_from=s.safetensors',
        's.safetensors is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it again, or keep only its '
        'state_dict (it is in another format: convert it, a DeiT by tools/',
        lambda w: w.write('s.safetensors', b'{"a": 1}'),
    ),
    Case(
        'TorchScript',
        'train --cfg-options load_from=ts.pt',
        'ts.pt is no checkpoint that can be loaded safely: it is damaged or '
        'holds more than tensors; fetch it again, or keep only its state_dict '
        '(it is a program, TorchScript: a teacher takes it by model=',
        lambda w: torch.jit.script(torch.nn.Identity()).save(w / 'ts.pt'),
    ),
    Case(
        'a tensor less',
        'test',
        'student.pth: it has no backbone.ln1.weight: give a checkpoint of '
        'this size, or correct type, arch, patch_size',
        weights(lambda s: s.pop('backbone.ln1.weight')),
    ),
    Case(
        'a layer more',
        'test',
        'student.pth: the model has no backbone.layers.1.ln1.weight: give a '
        'checkpoint of this size, or correct type,',
        weights(
            lambda s: s.update({'backbone.layers.1.ln1.weight': torch.ones(8)})
        ),
    ),
    Case(
        'no distillation head',
        'test',
        'student.pth: it has no head.layers.head_dist.weight, '
        'head.layers.head_dist.bias: give a checkpoint of the',
        weights(lambda s: [s.pop(k) for k in list(s) if 'head_dist' in k]),
    ),
    Case(
        'only the backbone',
        'test',
        'student.pth: it has no head.layers.head.weight, '
        'head.layers.head.bias, head.layers.head_dist.weight and 1',
        weights(lambda s: [s.pop(k) for k in list(s) if k.startswith('head')]),
    ),
    Case(
        'official names',
        'test',
        'student.pth: its tensors cls_token, dist_token, pos_embed and 1 '
        'more fit no model with backbone.cls_token,',
        save(OFFICIAL),
    ),
    # resuming
    Case(
        'resume a file that is not there',
        'train --resume none.pth',
        'no checkpoint at none.pth: correct the path',
    ),
    Case(
        'resume without an optimizer',
        'train --resume student.pth',
        'student.pth has no epoch to resume (nor has any best_*.pth): start '
        'from its weights by --cfg-options',
    ),
    Case(
        'resume a file that is cut off',
        'train --resume student.pth',
        'student.pth is torn',
        cut('student.pth'),
    ),
    Case(
        'resume what cannot be resumed',
        'train --resume',
        'no checkpoint in ./work_dirs/config can be resumed: ',
        resumable,
    ),
    Case(
        'resume with nan',
        'train --resume student.pth',
        'student.pth is not finite in state_dict.backbone.cls_token, as after '
        'a training that diverged: give an earlier checkpoint',
        nan_in_training,
    ),
    # the teacher
    Case(
        'no teacher',
        'train',
        'no checkpoint at teacher.pth: correct the path',
        lambda w: w.remove('teacher.pth'),
    ),
    Case(
        'no teacher, checked',
        CHECK,
        'no checkpoint at teacher.pth: correct the path',
        lambda w: w.remove('teacher.pth'),
    ),
    Case(
        'the teacher is cut off',
        'train',
        'teacher.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        cut('teacher.pth'),
    ),
    Case(
        'the teacher has code',
        'train',
        'teacher.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        save(dict(state_dict=Canary()), 'teacher.pth'),
    ),
    Case(
        'the teacher is another network',
        'train',
        'teacher.pth does not hold the weights of this model: Error(s) in '
        'loading state_dict for ImageClassifier:',
        lambda w: w.move('student.pth', 'teacher.pth'),
    ),
    Case(
        'the teacher takes other channels',
        TEACHER + 'model.backbone.in_channels=1',
        'teacher.pth does not hold the weights of this model: Error(s) in '
        'loading state_dict for ImageClassifier: size',
    ),
    Case(
        'a random teacher',
        CHECK,
        "teacher 'teacher' has 33.33 top-1 on 9 held-out images, too few to "
        'be sure (preflight=0 trusts it), chance is',
    ),
    Case(
        'a teacher of no model',
        TEACHER + 'model=none.py',
        'none.py: No such file or directory',
    ),
    Case(
        'a teacher of an unknown model',
        TEACHER + 'model=resnet0_none',
        'Failed to find model "resnet0_none". please use '
        '`mmpretrain.list_models` to get all available names.',
    ),
    Case(
        'a class mapping that is too short',
        TEACHER + 'class_mapping=[0,1]',
        "teacher 'teacher': class_mapping has 2 entries for 3 classes: list "
        "the teacher's class for each, or write",
    ),
    Case(
        'a class mapping beyond its classes',
        TEACHER + 'class_mapping=[0,1,9]',
        "teacher 'teacher' has 3 classes, but class_mapping asks for class "
        '9: correct it',
    ),
    Case(
        'input size of the teacher',
        TEACHER + 'input_size=-3',
        "teacher 'teacher' fails on images of 3 channels and 8x8 pixels: set "
        'input_size to the size that it was',
    ),
    # the converter
    Case(
        'convert what is not there',
        'convert none.pth out.pth',
        'no checkpoint at none.pth: correct the path',
    ),
    Case(
        'convert text',
        'convert student.pth out.pth',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        lambda w: w.write('student.pth', 'weights'),
    ),
    Case(
        'convert code',
        'convert student.pth out.pth',
        'student.pth is no checkpoint that can be loaded safely: it is '
        'damaged or holds more than tensors; fetch it',
        save(Canary()),
    ),
    Case(
        'convert no DeiT',
        'convert teacher.pth out.pth',
        'teacher.pth: unknown keys backbone.conv1.weight, '
        'backbone.bn1.weight, backbone.bn1.bias and 119 more:',
    ),
    Case(
        'convert to itself',
        'convert student.pth student.pth',
        'DST student.pth is SRC: give another name',
    ),
    Case(
        'convert to a folder',
        'convert student.pth data',
        'DST data is a folder: give another name',
    ),
    Case(
        'convert to a device',
        'convert student.pth /dev/null',
        'DST /dev/null is a device or a pipe: give another name',
    ),
    Case(
        'convert to a FIFO',
        'convert student.pth out.pth',
        'DST out.pth is a device or a pipe: give another name',
        lambda w: os.mkfifo(w / 'out.pth'),
    ),
    Case(
        'convert into a file',
        'convert student.pth teacher.pth/out.pth',
        'DST teacher.pth/out.pth: teacher.pth is a file: give another name',
    ),
    Case(
        'convert nan',
        'convert student.pth out.pth',
        'student.pth is not finite in backbone.cls_token, as after a '
        'training that diverged: give an earlier checkpoint',
        NAN,
    ),
    Case(
        'convert to other names',
        'convert student.pth out.pth --to tensorflow',
        "argument --to: invalid choice: 'tensorflow' (choose from ",
        code=2,
    ),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_bad_checkpoint(world, case):
    run(world, case)
    assert not (world / 'canary').exists()
