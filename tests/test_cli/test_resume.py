"""--resume takes the newest whole checkpoint, and says so."""
import shutil
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from mmdeit.cli import check_same_resume, resume, set_resume

RUN = 'run_20251125_100000'
NAN = dict(x=torch.tensor([1., float('nan')]))


def save(folder, epoch, run=RUN, name='epoch_{}.pth', **others):
    """A checkpoint as CheckpointHook's, and its pointer."""
    folder.mkdir(exist_ok=True)
    path = folder / name.format(epoch)
    checkpoint = dict(
        meta=dict(epoch=epoch, iter=4 * epoch, experiment_name=run),
        state_dict=dict(weight=torch.arange(100.)),
        message_hub={},
        optimizer={},
        param_schedulers=[])
    checkpoint.update(others)
    torch.save({k: v for k, v in checkpoint.items() if v is not None}, path)
    (folder / 'last_checkpoint').write_text(str(path))
    return path


def tear(path):
    path.write_bytes(path.read_bytes()[:-200])


def flip(path):
    """Damage one number, which torch loads without a word."""
    data = bytearray(path.read_bytes())
    at = data.find(torch.arange(100.).numpy().tobytes())
    data[at + 40] ^= 1
    path.write_bytes(data)
    assert torch.load(path, weights_only=True)['state_dict']


@pytest.fixture
def work(tmp_path):
    """A work directory with three checkpoints."""
    for epoch in (1, 2, 3):
        save(tmp_path / 'work', epoch)
    return tmp_path / 'work'


def make_cfg(work_dir, **others):
    return Config(
        dict(work_dir=str(work_dir), launcher='none', load_from='pretrained',
             param_scheduler=[], train_cfg=dict(max_epochs=5)) | others)


def chosen(cfg, capsys, flag='auto'):
    """The name of the file that is resumed, and the line about it."""
    set_resume(cfg, flag)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and cfg.resume
    assert lines[0].startswith(f'Resuming from {cfg.load_from}, after ')
    return cfg.load_from.rsplit('/', 1)[1], lines[0]


def test_the_newest(work, capsys):
    name, line = chosen(make_cfg(work), capsys)
    assert name == 'epoch_3.pth'
    assert line.endswith('epoch_3.pth, after 3 epochs and 12 iterations.')


@pytest.mark.parametrize('damage, taken, remark', [
    (lambda work: tear(work / 'epoch_3.pth'), 2, 'epoch_3.pth is torn. '),
    (lambda work: flip(work / 'epoch_3.pth'), 2,
     'epoch_3.pth is damaged at epoch_3/data/'),
    (lambda work: (work / 'epoch_3.pth').write_bytes(b''), 2,
     'epoch_3.pth is torn. '),
    (lambda work: (work / 'epoch_3.pth').unlink(), 2,
     'last_checkpoint names {work}/epoch_3.pth.'),
    (lambda work: save(work, 3, optimizer=None), 2,
     'epoch_3.pth has no optimizer to resume'),
    (lambda work: save(work, 3, state_dict=NAN), 2,
     'epoch_3.pth is not finite in state_dict.x, '),
    (lambda work: save(work, 3, optimizer=NAN), 2,
     'epoch_3.pth is not finite in optimizer.x, '),
    (lambda work: save(work, 3, ema_state_dict=NAN), 2,
     'epoch_3.pth is not finite in ema_state_dict.x, '),
    (lambda work: [tear(work / f'epoch_{i}.pth') for i in (2, 3)], 1,
     'epoch_2.pth is torn. '),
    (lambda work: (work / 'last_checkpoint').write_text(''), 3,
     'last_checkpoint is missing or empty.'),
    (lambda work: (work / 'last_checkpoint').unlink(), 3,
     'last_checkpoint is missing or empty.'),
    (lambda work: (work / 'last_checkpoint').write_text('/old/epoch_3.pth'), 3,
     'last_checkpoint names /old/epoch_3.pth.'),
    (lambda work: (work / 'last_checkpoint').write_bytes(bytes(5000)), 3,
     'last_checkpoint names '),
    (lambda work: (work / 'last_checkpoint').write_bytes(b'\xff\n' * 5000), 3,
     'last_checkpoint names '),
    (lambda work: (work / 'last_checkpoint').write_text(
        f'{work}/epoch_2.pth'), 3, 'last_checkpoint names {work}/epoch_2.pth.'),
])
def test_what_is_passed_over(work, capsys, damage, taken, remark):
    damage(work)
    name, line = chosen(make_cfg(work), capsys)
    assert name == f'epoch_{taken}.pth'
    assert remark.format(work=work) in line
    assert len(line) < 1000


def test_only_what_is_taken_is_read(work, capsys, monkeypatch):
    """Of hundreds of checkpoints, one is read as a whole."""
    read = []
    monkeypatch.setattr(
        'mmdeit.checkpoints.loading.not_finite', lambda state: read.append(
            state['meta']['epoch']))
    chosen(make_cfg(work), capsys)
    assert {*read} == {3}


def test_the_log_may_be_not_finite(work, capsys):
    """It has the losses of the steps that AMP skips."""
    save(work, 3, message_hub=NAN)
    assert chosen(make_cfg(work), capsys)[0] == 'epoch_3.pth'


def test_the_last_training_comes_first(work, capsys):
    """Of a second one in the same folder, whatever the times of the files."""
    second = save(work, 1, run='run_20251126_100000')
    shutil.copy(work / 'epoch_3.pth', work / 'copy')
    shutil.move(work / 'copy', work / 'epoch_3.pth')
    assert chosen(make_cfg(work), capsys) == (
        'epoch_1.pth',
        f'Resuming from {second}, after 1 epochs and 4 iterations.')


def test_iterations_are_compared_as_numbers(work, capsys):
    save(work, 20, name='iter_{}.pth')
    save(work, 100, name='iter_{}.pth')
    assert chosen(make_cfg(work), capsys)[0] == 'iter_100.pth'


def test_a_copied_folder_is_not_left(work, tmp_path, capsys):
    """Even where its pointer's file still exists, and is newer."""
    shutil.copytree(work, tmp_path / 'copy')
    newer = save(work, 4)
    (tmp_path / 'copy/last_checkpoint').write_text(str(newer))
    cfg = make_cfg(tmp_path / 'copy')
    assert f'last_checkpoint names {newer}' in chosen(cfg, capsys)[1]
    assert cfg.load_from == str(tmp_path / 'copy/epoch_3.pth')


@pytest.mark.parametrize('named', [False, True])
def test_checkpoints_in_another_folder(tmp_path, capsys, named):
    """As by CheckpointHook(out_dir=...), or only by the pointer."""
    (tmp_path / 'out').mkdir()
    path = save(tmp_path / 'out/work', 1, name='my-{}.pt')
    (tmp_path / 'work').mkdir()
    hook = {}
    if named:
        save(tmp_path / 'out/work', 2, name='my-{}.pt')
        hook = dict(out_dir=str(tmp_path / 'out'), filename_tmpl='my-{}.pt')
    (tmp_path / 'work/last_checkpoint').write_text(str(path))
    cfg = make_cfg(tmp_path / 'work', default_hooks=dict(checkpoint=hook))
    assert chosen(cfg, capsys)[0] == ('my-2.pt' if named else 'my-1.pt')


@pytest.mark.parametrize('make', [
    lambda folder: None,
    lambda folder: folder.mkdir(),
    lambda folder: save(folder, 3, name='best_top1_epoch_{}.pth'),
    lambda folder: save(folder, 3, name='epoch_{}.pth.part'),
    lambda folder: save(folder, 3, name='teacher.pth'),
])
def test_nothing_to_resume(tmp_path, capsys, make):
    make(tmp_path / 'work')
    (tmp_path / 'work/last_checkpoint').unlink(missing_ok=True)
    cfg = make_cfg(tmp_path / 'work')
    set_resume(cfg, 'auto')
    assert not cfg.resume and cfg.load_from == 'pretrained'
    assert capsys.readouterr().out == (
        f'Nothing to resume in {tmp_path}/work: training starts from '
        'pretrained.\n')


def test_nothing_whole_is_an_error(work):
    """Starting anew would overwrite what may still be of use."""
    for epoch in (1, 2):
        tear(work / f'epoch_{epoch}.pth')
    save(work, 3, optimizer=None)
    with pytest.raises(ValueError, match=r'^no checkpoint in .*/work can be '
                       r'resumed: .*torn; .*no optimizer .* start anew$'):
        set_resume(make_cfg(work), 'auto')


@pytest.mark.parametrize('make, message', [
    (lambda work: work / 'none.pth', 'no checkpoint at .*none.pth: correct'),
    (lambda work: work, 'no checkpoint at .*work: correct the path'),
    (lambda work: tear(work / 'epoch_1.pth') or work / 'epoch_1.pth',
     'epoch_1.pth is torn$'),
    (lambda work: flip(work / 'epoch_1.pth') or work / 'epoch_1.pth',
     'epoch_1.pth is damaged at epoch_1/data/'),
    (lambda work: save(work, 9, name='best_top1_epoch_{}.pth', optimizer=None),
     r'best_top1_epoch_9.pth has no optimizer to resume .*: start from its '
     'weights by --cfg-options load_from=FILE$'),
    (lambda work: save(work, 9, param_schedulers=None),
     'epoch_9.pth has no param_schedulers to resume'),
    (lambda work: save(work, 9, message_hub=None),
     'epoch_9.pth has no message_hub to resume'),
    (lambda work: save(work, 9, meta=None), 'epoch_9.pth has no epoch to res'),
    (lambda work: save(work, 9, state_dict=[1]),
     'epoch_9.pth is no checkpoint that can be loaded safely'),
])
def test_a_file_that_cannot_be_resumed(work, make, message):
    path = make(work)
    cfg = make_cfg(work, param_scheduler=[dict(type='CosineAnnealingLR')])
    with pytest.raises((OSError, ValueError), match=message):
        set_resume(cfg, str(path))


def test_a_file(work, capsys):
    assert chosen(make_cfg(work), capsys, f'{work}/epoch_1.pth')[0] == (
        'epoch_1.pth')


@pytest.mark.parametrize('load_from, name', [(None, 'epoch_3.pth'),
                                             ('1', 'epoch_1.pth')])
def test_the_configs_own_resume(work, capsys, load_from, name):
    load_from = load_from and f'{work}/epoch_1.pth'
    cfg = make_cfg(work, resume=True, load_from=load_from)
    assert chosen(cfg, capsys, None)[0] == name


def test_neither_flag_nor_config(work, capsys):
    cfg = make_cfg(work)
    set_resume(cfg, None)
    assert cfg.load_from == 'pretrained' and not capsys.readouterr().out


@pytest.mark.parametrize('end, remark', [
    (dict(max_epochs=3), 'train_cfg.max_epochs is 3: raise it, or test'),
    (dict(max_iters=10), 'train_cfg.max_iters is 10: raise it, or test'),
])
def test_nothing_is_left_to_train(work, capsys, end, remark):
    cfg = make_cfg(work, train_cfg=end)
    assert remark in chosen(cfg, capsys)[1]


def test_processes_have_to_agree(monkeypatch):
    runner = SimpleNamespace(
        _resume=True, _load_from='a.pth', work_dir='/disk/of/a/node')
    check_same_resume(runner)
    monkeypatch.setattr(resume, 'all_gather_object',
                        lambda found: [found, False])
    with pytest.raises(ValueError, match='one process resumes a.pth, another '
                       'False: all nodes must share .*, /disk/of/a/node'):
        check_same_resume(runner)
