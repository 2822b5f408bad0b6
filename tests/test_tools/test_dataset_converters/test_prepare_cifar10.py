import hashlib
import io
import json
import pickle
import tarfile

import cifar10_teacher
import mmcv
import numpy as np
import prepare_cifar10 as script
import pytest
from mmpretrain.datasets import BaseDataset

IMAGES = 2  # a batch


@pytest.fixture
def pixels():
    """Images of each batch, (IMAGES, 32, 32, 3) in RGB, by its name."""
    rng = np.random.default_rng(0)
    names = script.BATCHES['train'] + script.BATCHES['test']
    return {
        name: rng.integers(256, size=(IMAGES, 32, 32, 3), dtype=np.uint8)
        for name in names
    }


@pytest.fixture
def labels():
    return dict(train=[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], test=[5, 8])


@pytest.fixture
def checksums(pixels, labels, monkeypatch):
    for split, names in script.BATCHES.items():
        data = b''.join(pixels[name].tobytes() for name in names)
        monkeypatch.setitem(
            script.SHA256, split,
            hashlib.sha256(data + bytes(labels[split])).hexdigest())


def write_tar(path, files):
    with tarfile.open(path, 'w:gz') as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def official(tmp_path, pixels, labels):
    """The official layout: planes of red, green and blue in a row."""
    files = {}
    for split, names in script.BATCHES.items():
        for i, name in enumerate(names):
            batch = dict(
                data=pixels[name].transpose(0, 3, 1, 2).reshape(IMAGES, -1),
                labels=labels[split][i * IMAGES:(i + 1) * IMAGES])
            files[f'cifar-10-batches-py/{name}'] = pickle.dumps(batch)
    write_tar(tmp_path / 'official.tar.gz', files)
    return tmp_path / 'official.tar.gz'


@pytest.fixture
def npm(tmp_path, pixels, labels):
    """The npm layout: an image is a row of a PNG."""
    files = {}
    for name, images in pixels.items():
        path = tmp_path / f'{name}.png'
        rows = images.reshape(IMAGES, 1024, 3)
        mmcv.imwrite(rows[..., ::-1], str(path))  # mmcv writes BGR
        files[f'package/{name}.png'] = path.read_bytes()
    for split, values in labels.items():
        files[f'package/{split}_lables.json'] = json.dumps(values).encode()
    write_tar(tmp_path / 'npm.tgz', files)
    return tmp_path / 'npm.tgz'


@pytest.mark.parametrize('source', ['official', 'npm'])
def test_conversion_is_lossless(source, checksums, pixels, labels, tmp_path,
                                request):
    read = dict(official=script.read_official, npm=script.read_npm)[source]
    script.convert(
        request.getfixturevalue(source), read, out=tmp_path / 'out')

    for split, names in script.BATCHES.items():
        dataset = BaseDataset(
            data_root=str(tmp_path / 'out'),
            ann_file=f'{split}.pkl',
            data_prefix=dict())
        assert dataset.metainfo['classes'] == \
            script.CIFAR10.METAINFO['classes']
        samples = [dataset.get_data_info(i) for i in range(len(dataset))]
        expected = np.concatenate([pixels[name] for name in names])
        assert np.array_equal([s['img'] for s in samples], expected)
        assert [s['gt_label'] for s in samples] == labels[split]


def test_nothing_in_an_archive_is_executed(tmp_path):
    batch = pickle.dumps(dict(data=print))
    name = f'cifar-10-batches-py/{script.BATCHES["test"][0]}'
    write_tar(tmp_path / 'archive.tar.gz', {name: batch})
    with pytest.raises(ValueError, match='it asks for .*print'):
        script.read_official(tmp_path / 'archive.tar.gz', 'test')


def test_wrong_pixels_leave_nothing(npm, tmp_path):
    with pytest.raises(ValueError, match='train: expected sha256'):
        script.convert(npm, script.read_npm, out=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_archive_put_there_by_hand(official, checksums, offline, tmp_path,
                                   monkeypatch, capsys):
    monkeypatch.setattr(script, 'ARCHIVE_SHA256',
                        hashlib.sha256(official.read_bytes()).hexdigest())
    monkeypatch.setattr(script.CIFAR10, 'url', offline)
    official.rename(tmp_path / script.CIFAR10.filename)
    teacher = tmp_path / 'teacher.pth'
    teacher.touch()
    arguments = ['--out', str(tmp_path), '--teacher-out', str(teacher)]
    script.main(arguments)
    assert f'Reusing {tmp_path / script.CIFAR10.filename}' in \
        capsys.readouterr().out

    script.main(arguments)
    assert capsys.readouterr().out.splitlines() == [
        f'Reusing {tmp_path / "train.pkl"}',
        f'Reusing {tmp_path / "test.pkl"}',
        f'Reusing {teacher}',
    ]


def test_no_images_within_reach(offline, tmp_path, monkeypatch):
    monkeypatch.setattr(script.CIFAR10, 'url', offline)
    with pytest.raises(SystemExit) as error:
        script.main(['--out', str(tmp_path / 'out')])
    message = error.value.code
    for part in (offline, script.PACKAGE, script.CIFAR10.filename):
        assert part in message
    assert '\n' not in message
    assert not (tmp_path / 'out').exists()


def test_no_teacher_within_reach(offline, tmp_path):
    for split in script.SHA256:
        (tmp_path / f'{split}.pkl').touch()
    teacher = tmp_path / 'new' / 'teacher.pth'
    with pytest.raises(SystemExit) as error:
        script.main(['--out', str(tmp_path), '--teacher-out', str(teacher)])
    assert cifar10_teacher.PACKAGE in error.value.code
    assert str(teacher) in error.value.code
    assert not teacher.exists()


def test_a_file_where_the_folder_goes(tmp_path):
    out = tmp_path / 'out'
    out.touch()
    with pytest.raises(SystemExit, match='--out .* is a file: give another'):
        script.main(['--out', str(out)])
