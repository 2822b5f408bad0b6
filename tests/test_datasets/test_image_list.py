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
    ('', True, 'is empty: remove it'),
    ('a.jpg\t1', True, 'has no label'),
    ('a.jpg -1', True, 'has the label -1: labels are 0 to 2'),
    ('a.jpg 3', True, 'has the label 3: labels are 0 to 2, correct it or'),
    ('a.jpg 1.5', True, 'has the label 1.5: labels are whole numbers'),
    ('a.jpg 1.0', True, 'has the label 1.0: labels are whole numbers'),
    ('a.jpg nan', True, 'has the label nan: labels are whole numbers'),
    ('a.jpg 1_0', True, 'has the label 10'),
    (' a b.jpg 1\t', True, None),
    ('a.jpg', False, None),
    ('', False, 'is empty: remove it'),
])
def test_lines(tmp_path, line, labelled, message):
    path = tmp_path / 'list.txt'
    path.write_text(f'a.jpg 0\n{line}\nb.jpg 1\n')
    if message is None:
        check_image_list(str(path), 'ROOT', labelled, 3)
        return
    with pytest.raises(ValueError) as error:
        check_image_list(str(path), 'ROOT', labelled, 3)
    assert str(error.value).startswith(
        f'{path}, line 2: {line.strip()!r} {message}')


@pytest.mark.parametrize('data, line, message', [
    (b'', '', ' is empty'),
    (b' \n\r\n', '', ' is empty'),
    ('a.jpg 0\n'.encode('utf-8-sig'), ', line 1', ': the file is UTF-8 with a '
     'mark, not plain UTF-8: save it as UTF-8 without a byte order mark'),
    ('a.jpg 0\n'.encode('utf-16'), ', line 1', ': the file is UTF-16'),
    ('a.jpg 0\n'.encode('utf-16-be'), ', line 1', ': the file is UTF-16'),
    ('a.jpg 0\n\né.jpg 0\n'.encode('latin-1'), ', line 3',
     ': the file is Latin-1 or another'),
])
def test_encodings(tmp_path, data, line, message):
    path = tmp_path / 'list.txt'
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        check_image_list(str(path), 'ROOT', True)
    assert str(error.value).startswith(f'{path}{line}{message}')


@pytest.mark.parametrize('data', [
    b'a.jpg 0\r\nb.jpg 1\r\n', b'a.jpg 0\rb.jpg 1', 'é ü.jpg 0'.encode()])
def test_what_mmengine_reads(tmp_path, data):
    (tmp_path / 'list.txt').write_bytes(data)
    check_image_list(str(tmp_path / 'list.txt'), 'ROOT', True, 2)
