import pytest

from . import photographs


def test_drawings_only_where_nobody_checks(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, 'FOLDER', tmp_path)
    monkeypatch.delenv('CI', raising=False)
    image, mask, _ = next(photographs.photographs(1))
    assert image.shape == (*mask.shape, 3) and 0 < mask.mean() < 1
    monkeypatch.setenv('CI', 'true')
    with pytest.raises(FileNotFoundError, match='put them there, or unset CI'):
        photographs.photograph('glass', 0)
