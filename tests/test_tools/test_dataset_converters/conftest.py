"""Make the scripts importable and serve files from this machine."""
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

# As Python does for a script: the folder is not a package.
sys.path.insert(
    0, str(Path(__file__).parents[3] / 'tools' / 'dataset_converters'))

# Nothing listens on port 9 (discard), so that a connection is refused.
UNREACHABLE = 'http://127.0.0.1:9/'


class _QuietHandler(SimpleHTTPRequestHandler):

    def log_message(self, *args) -> None:
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Reach this machine directly, wherever the tests run."""
    monkeypatch.setenv('no_proxy', '*')


@pytest.fixture
def served(tmp_path):
    """Yield a folder and the address under which it is served."""
    folder = tmp_path / 'served'
    folder.mkdir()
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        # Polls for the shutdown every 10 ms.
        thread = threading.Thread(target=server.serve_forever, args=(.01, ))
        thread.start()
        yield folder, f'http://127.0.0.1:{server.server_port}/'
        server.shutdown()
        thread.join()


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Leave no source within reach; return the address of nothing."""
    monkeypatch.setenv('PATH', str(tmp_path))  # no apt-get, no npm
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.delenv('PIP_FIND_LINKS', raising=False)
    return UNREACHABLE
