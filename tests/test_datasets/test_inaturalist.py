import json
from copy import deepcopy

import pytest
from mmengine.registry import DATASETS

ANNOTATIONS = dict(
    images=[
        dict(id=7, file_name='train_val2018/Aves/2/a.jpg'),
        dict(id=3, file_name='train_val2018/Fungi/0/b.jpg'),
    ],
    # in another order than the images
    annotations=[
        dict(id=0, image_id=3, category_id=0),
        dict(id=1, image_id=7, category_id=2),
    ],
    categories=[
        dict(id=2, name='Pica pica'),
        dict(id=0, name='Amanita muscaria'),
        dict(id=1, name='Quercus robur'),
    ])


@pytest.fixture
def content():
    return deepcopy(ANNOTATIONS)


@pytest.fixture
def build(tmp_path):

    def build_dataset(content, **kwargs):
        (tmp_path / 'val2018.json').write_text(
            content if isinstance(content, str) else json.dumps(content))
        return DATASETS.build(
            dict(
                type='mmdeit.INaturalist',
                data_root=str(tmp_path),
                ann_file='val2018.json',
                **kwargs))

    return build_dataset


def test_official_ids_are_the_labels(build, content, tmp_path):
    dataset = build(content)
    assert dataset.get_gt_labels().tolist() == [2, 0]
    assert [dataset.get_data_info(i)['img_path'] for i in range(2)] == [
        str(tmp_path / image['file_name']) for image in content['images']
    ]
    assert dataset.metainfo['classes'] == (
        'Amanita muscaria', 'Quercus robur', 'Pica pica')


def test_other_ids_are_ranked(build, content):
    """Labels stay below K, and equal for files with the same categories."""
    for category in content['categories']:
        category['id'] = 10 * category['id'] + 5
    for annotation in content['annotations']:
        annotation['category_id'] = 10 * annotation['category_id'] + 5
    assert build(content).get_gt_labels().tolist() == [2, 0]


def test_images_below_another_folder(build, content, tmp_path):
    dataset = build(content, data_prefix='images')
    assert dataset.get_data_info(0)['img_path'] == str(
        tmp_path / 'images/train_val2018/Aves/2/a.jpg')


def one_line(error):
    """The message, which names the file without a line break."""
    message = str(error.value)
    assert '\n' not in message and 'val2018.json: ' in message
    return message


@pytest.mark.parametrize('content', [
    '{"images": [',
    '[]',
    '{"images": [], "annotations": []}',
    '{"images": [{"id": 1}], "annotations": [], "categories": []}',
    '{"images": [], "annotations": [{}], "categories": []}',
])
def test_another_format(build, content):
    with pytest.raises(ValueError) as error:
        build(content)
    assert 'expected JSON with images, annotations' in one_line(error)
    assert 'as of a labelled split' in one_line(error)


@pytest.mark.parametrize('change, message', [
    (lambda c: c['annotations'].pop(0),
     "b.jpg' has no annotation with one of the categories"),
    (lambda c: c['annotations'][0].update(category_id=8142),
     "b.jpg' has no annotation with one of the categories"),
    (lambda c: c['images'][1].update(file_name='../a.jpg'),
     "'../a.jpg' lies outside"),
])
def test_wrong_images(build, content, change, message):
    change(content)
    with pytest.raises(ValueError) as error:
        build(content)
    assert message in one_line(error)
