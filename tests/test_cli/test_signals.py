"""A tool that is asked to stop ends in one line."""
import signal
import time

import pytest

from mmdeit.cli import signals
from mmdeit.cli.launcher import is_first_process
from mmdeit.cli.signals import end_by_signal
from mmdeit.utils import finish_first

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


@pytest.fixture(autouse=True)
def handlers():
    """Those of a process in the foreground; after each test pytest's."""
    changed = [*NUMBERS, signal.SIGALRM, signal.SIGCHLD]
    before = [signal.getsignal(number) for number in changed]
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in zip(changed, before):
        signal.signal(number, handler)


@pytest.mark.parametrize('number', NUMBERS)
def test_one_line_and_the_exit_status(capsys, number):
    with pytest.raises(SystemExit) as end, end_by_signal():
        signal.raise_signal(number)
    assert end.value.code == 128 + number
    assert capsys.readouterr().err == f'{number.name}: stopped\n'


def test_what_a_tool_says(capsys):
    with pytest.raises(SystemExit), end_by_signal() as last:
        last.describe = lambda: 'half of it is done'
        signal.raise_signal(signal.SIGTERM)
    assert capsys.readouterr().err == 'SIGTERM: half of it is done\n'


def test_a_tool_that_ends_by_itself():
    with pytest.raises(KeyError), end_by_signal():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        raise KeyError
    assert {*map(signal.getsignal, NUMBERS)} == {signal.SIG_DFL}


class StoppedInDestructor:
    """Stopped where Python only prints what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.filterwarnings('ignore:Exception ignored')
def test_a_signal_is_not_lost(capsys, monkeypatch):
    """And what may not be interrupted still is not."""
    monkeypatch.setattr(signals, 'AGAIN', 0.01)
    saved = False
    with pytest.raises(SystemExit) as end, end_by_signal():
        StoppedInDestructor()
        with finish_first():
            time.sleep(0.05)
            saved = True
        time.sleep(5)
    assert saved and end.value.code == 143
    assert capsys.readouterr().err == 'SIGTERM: stopped\n'
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_signal_that_something_makes_an_error_of(capsys):
    """As mmengine does while it formats a config."""
    with pytest.raises(SystemExit) as end, end_by_signal():
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            raise SyntaxError('Failed to format the config file') from error
    assert end.value.code == 130
    assert capsys.readouterr().err == 'SIGINT: stopped\n'


def test_in_the_background():
    """Ctrl-C is for what a script runs in the foreground."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with end_by_signal():
        signal.raise_signal(signal.SIGINT)


def test_other_processes_of_a_launcher_end_at_once(monkeypatch):
    """Even in a call that waits for others, where no handler runs."""
    monkeypatch.setenv('RANK', '1')
    with end_by_signal('pytorch'):
        for number in NUMBERS:
            assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_while_it_ends(capsys):
    """As torchrun passes on what its processes have got already."""
    with pytest.raises(SystemExit), end_by_signal() as last:
        last.describe = lambda: signal.raise_signal(signal.SIGTERM) or 'once'
        signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == 'SIGINT: once\n'


@pytest.mark.parametrize('launcher, variable', [
    ('pytorch', 'RANK'),
    ('slurm', 'SLURM_PROCID'),
    ('mpi', 'OMPI_COMM_WORLD_RANK'),
])
def test_the_first_process_of_a_launcher(monkeypatch, launcher, variable):
    for number in ('0', '1'):
        monkeypatch.setenv(variable, number)
        assert is_first_process(launcher) == (number == '0')
    assert is_first_process('none')  # one of several jobs beside each other
