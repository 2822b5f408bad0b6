import pytest

from mmdeit.datasets.image_list import check_image_list, inside


@pytest.mark.parametrize('path', [
    '/etc/passwd', '../a.jpg', 'b/../../a.jpg', 'b/..', '..', r'b\..\a.jpg',
    r'C:\a.jpg', 'C:/a.jpg', r'\a.jpg', 's3://bucket/a.jpg', '/data/a/../b',
    '/data/ab/c.jpg'
])
@pytest.mark.parametrize('folder', ['/data/a', '/data/a/', 'data', ''])
def test_outside(folder, path):
    assert not inside(folder, path)


@pytest.mark.parametrize('path', [
    'a..b.jpg', 'b/..a.jpg', './b/a.jpg', 'b/ a.jpg', 'b/c../a.jpg', 'b:c.jpg',
    '/data/a/b.jpg'
])
@pytest.mark.parametrize('folder', ['/data/a', '/data/a/', '/'])
def test_inside(folder, path):
    assert inside(folder, path)


@pytest.mark.parametrize('folder', ['s3://data', '../data', r'C:\data'])
def test_below_any_folder(folder):
    assert inside(folder, f'{folder}/a.jpg')
    assert not inside(folder, f'{folder}/../a.jpg')


def test_links_are_followed(tmp_path):
    (tmp_path / 'linked').symlink_to('/')
    assert inside(str(tmp_path), 'linked/a.jpg')


@pytest.mark.parametrize('line, labelled, message', [
    ('../a.jpg 1', True, 'lies outside the folder of the images, ROOT'),
    (' /a.jpg 1', True, 'lies outside'),  # mmpretrain strips lines
    ('../a.jpg', False, 'lies outside'),
    ('b/.. 1', True, 'lies outside'),
    ('a.jpg', True, 'has no label: write PATH LABEL'),
    ('a.jpg tench', True, 'has no label'),
    ('1', True, 'has no label'),
    ('', True, 'has no label'),
    (' a b.jpg 1\t', True, None),
    ('a.jpg', False, None),
    ('', False, None),
])
def test_lines(tmp_path, line, labelled, message):
    path = tmp_path / 'list.txt'
    path.write_text(f'a.jpg 0\n{line}\nb.jpg 1\n')
    if message is None:
        check_image_list(str(path), 'ROOT', labelled)
        return
    with pytest.raises(ValueError) as error:
        check_image_list(str(path), 'ROOT', labelled)
    assert str(error.value).startswith(
        f'{path}, line 2: {line.strip()!r} {message}')
