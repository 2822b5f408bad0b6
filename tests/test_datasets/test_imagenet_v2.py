import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS

CLASSES = [f'class {i}' for i in range(12)]  # as text, 10 comes before 2


@pytest.fixture
def root(tmp_path):
    """An image in each of the folders 0 to 11."""
    root = tmp_path / 'imagenetv2-matched-frequency-format-val'
    for i in range(12):
        (root / str(i)).mkdir(parents=True)
        (root / str(i) / f'{i:02x}ab.jpeg').touch()
    return root


def build(root, classes=CLASSES, **kwargs):
    return DATASETS.build(
        dict(
            type='mmdeit.ImageNetV2',
            data_root=str(root),
            classes=classes,
            **kwargs))


def test_folders_are_numbers(root):
    dataset = build(root)
    assert {
        info['img_path']: info['gt_label']
        for info in map(dataset.get_data_info, range(12))
    } == {str(root / str(i) / f'{i:02x}ab.jpeg'): i for i in range(12)}
    assert dataset.folder_to_idx['10'] == 10


def test_has_imagenets_classes(root):
    for i in range(12, 1000):
        (root / str(i)).mkdir()
        (root / str(i) / 'a.jpeg').touch()
    dataset = build(root, classes=None)
    assert len(dataset) == len(dataset.CLASSES) == 1000
    assert dataset.CLASSES[0].startswith('tench')


@pytest.mark.parametrize('change, name', [
    (lambda root: (root / '3' / '03ab.jpeg').unlink(), '3'),
    (lambda root: (root / '3').rename(root.parent / '3'), '3'),
    (lambda root: (root / '12').mkdir(), '12'),
    (lambda root: (root / '3').rename(root / '0003'), '0003'),
])
def test_other_folders(root, change, name):
    change(root)
    with pytest.raises(ValueError) as error:
        build(root)
    assert str(root) in str(error.value)
    assert 'expected images in the folders 0 to 11, but' in str(error.value)
    assert f"{name!r} is missing, empty or another" in str(error.value)


def write_list(root, *lines):
    path = root / 'list.txt'
    path.write_text('\n'.join(lines) + '\n')
    return path


def test_image_list(root):
    write_list(root, '10/0aab.jpeg 10', '2/02ab.jpeg 2')
    dataset = build(root, ann_file='list.txt')
    assert list(dataset.get_gt_labels()) == [10, 2]


def test_image_list_with_other_labels(root):
    path = write_list(root, '0/00ab.jpeg 0', '10/0aab.jpeg 2')
    with pytest.raises(ValueError) as error:
        build(root, ann_file='list.txt')
    assert str(error.value) == (
        f'{path}, line 2: 10/0aab.jpeg has the label 2, expected that of its '
        'folder')


def test_incomplete_archive(root, caplog):
    """Ten images a class it has."""
    logger = MMLogger.get_instance('incomplete')
    logger.addHandler(caplog.handler)
    build(root)
    assert 'has 12 images, ImageNet-V2 has 120' in caplog.text
    caplog.clear()
    for i in range(12):
        for name in 'abcdefghi':
            (root / str(i) / f'{name}.jpeg').touch()
    build(root)
    assert 'ImageNet-V2 has' not in caplog.text


def test_image_list_leads_outside(root):
    write_list(root, '0/00ab.jpeg 0', '../1/a.jpeg 1')
    with pytest.raises(ValueError, match='line 2: .* lies outside'):
        build(root, ann_file='list.txt')
