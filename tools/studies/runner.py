"""Runs the trainings and tests of a study, several at once."""
import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import mmengine
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mmdeit.hooks.checkpoint_hook import POINTER

from .results import TOP1, check_teacher, result, write_results
from .runs import Run

ROOT = Path(__file__).resolve().parents[2]


class StudyRunner:
    """Runs ``tools/train.py`` and ``tools/test.py``, each in a process.

    Args:
        work_dir (Path): Folder of the study. Each run has one in it, with what
            the tools print in its ``study.log``.
        teacher (Run, optional): Whose checkpoint the others distil from.
        jobs (int): How many run at once. They share the cores of the CPU, and
            take turns on the GPUs.
    """

    def __init__(self, work_dir: Path, teacher: Run | None, jobs: int) -> None:
        self.work_dir = work_dir
        self.teacher = teacher
        self.jobs = jobs
        self._threads = 1
        self._processes: set[subprocess.Popen] = set()
        self._stopped = False

    def commands(self, run: Run) -> list[list[str]]:
        """Write the training of a run, unless it has a checkpoint, and its
        test: tool and arguments of each.
        """
        folder = self.work_dir / run.folder
        options = run.fill_in(
            work_dir=self.work_dir,
            teacher=self.teacher and self.checkpoint(self.teacher))
        common = ['--work-dir', str(folder), '--cfg-options', *options]
        if not options:
            common.pop()
        test = [
            'tools/test.py', run.config,
            self.checkpoint(run), '--out',
            str(self._metrics(run)), '--out-item', 'metrics', *common
        ]
        if run.checkpoint:
            return [test]
        return [['tools/train.py', run.config, '--resume', *common], test]

    def checkpoint(self, run: Run) -> str:
        """Return the path of the last checkpoint, which is yet to come where
        nothing is trained.
        """
        pointer = self.work_dir / run.folder / POINTER
        return run.checkpoint or (pointer.read_text()
                                  if pointer.exists() else 'CHECKPOINT')

    def perform_all(self, runs: list[Run], results: dict[Run, dict],
                    out: Path) -> dict[Run, str]:
        """Train and test, and write each result as it comes.

        A run that fails does not keep the others from running.

        Args:
            runs (list[Run]): The runs.
            results (dict[Run, dict]): Results so far, to which theirs are
                added.
            out (Path): The JSON file of all results.

        Returns:
            dict[Run, str]: The last words of those that failed.

        Raises:
            ValueError: If the results so far are of another teacher.
        """
        jobs = max(1, min(self.jobs, len(runs)))
        self._threads = max(1, torch.get_num_threads() // jobs)
        failed = {}
        with ThreadPoolExecutor(jobs) as pool, Progress(
                TextColumn('{task.description}'), BarColumn(bar_width=20),
                MofNCompleteColumn(), TextColumn('{task.fields[now]}')) as bar:
            task = bar.add_task('trainings', total=len(runs), now='')
            futures = {
                pool.submit(self._perform, run, number): run
                for number, run in enumerate(runs)
            }
            try:
                while futures:
                    ended, _ = wait(futures, 1, FIRST_COMPLETED)
                    for future in ended:
                        run = futures.pop(future)
                        if error := future.exception():
                            failed[run] = str(error)
                            bar.print(f'{run}: failed')
                            continue
                        teacher = self.teacher_digest()
                        # A teacher that was trained anew is another one.
                        check_teacher(results, teacher, out)
                        results[run] = result(
                            run, future.result(), self._threads, teacher)
                        write_results(out, results)
                        bar.print(f'{run}: {results[run][TOP1]:.2f}')
                        bar.advance(task)
                    now = [f'{run}: {last_progress(self._log(run))}'
                           for future, run in futures.items()
                           if future.running()]
                    bar.update(task, now='; '.join(now))
            except BaseException:
                self._stop()
                pool.shutdown(cancel_futures=True)
                raise
        return failed

    def teacher_digest(self) -> str | None:
        """Hash the teacher's checkpoint, if there is one."""
        path = Path(self.checkpoint(self.teacher) if self.teacher else '')
        if not path.is_file():
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    def _perform(self, run: Run, number: int) -> dict:
        folder = self.work_dir / run.folder
        folder.mkdir(parents=True, exist_ok=True)
        # A finished training would be tested again, and an interrupted one go
        # on, as if they were of these settings.
        settings = folder / 'settings'
        trained = (folder / POINTER).exists() and settings.exists()
        if trained and settings.read_text() != run.settings:
            raise RuntimeError(f'{folder} was trained with other settings: '
                               'delete it, or give another --work-dir')
        settings.write_text(run.settings)
        for i in range(len(self.commands(run))):
            # Which checkpoint is tested is known once the training is done.
            self._execute(self.commands(run)[i], self._log(run), number)
        metrics = mmengine.load(self._metrics(run))
        if TOP1 not in metrics:
            raise RuntimeError(f'{run.config} reports no {TOP1}: give it '
                               "test_evaluator=dict(type='mmdeit.HeadsAccuracy')")
        return metrics

    def _execute(self, command: list[str], log: Path, number: int) -> None:
        env = dict(OMP_NUM_THREADS=str(self._threads)) | os.environ
        gpus = torch.cuda.device_count()
        if gpus > 1:
            env['CUDA_VISIBLE_DEVICES'] = str(number % gpus)
        with log.open('a') as file:
            process = subprocess.Popen(
                [sys.executable, '-u', str(ROOT / command[0]), *command[1:]],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True)  # of Ctrl-C _stop tells it, once
            self._processes.add(process)
            if self._stopped:
                process.terminate()
            code = process.wait()
            self._processes.remove(process)
        if code != 0:
            last = log.read_text().rstrip().splitlines()[-1:]
            raise RuntimeError(f'{"".join(last)} ({command[0]}, log: {log})')

    def _stop(self) -> None:
        # A training saves its state before it ends.
        self._stopped = True
        for process in list(self._processes):
            process.terminate()

    def _log(self, run: Run) -> Path:
        return self.work_dir / run.folder / 'study.log'

    def _metrics(self, run: Run) -> Path:
        return self.work_dir / run.folder / 'metrics.json'


def last_progress(log: Path) -> str:
    """Find how far a tool is, such as ``[2][300/390] eta: 0:00:12``.

    Args:
        log (Path): What it has printed, which may be nothing yet.
    """
    if not log.exists():
        return ''
    with log.open('rb') as file:
        file.seek(max(0, log.stat().st_size - 5000))
        lines = file.read().decode(errors='replace').splitlines()
    for line in reversed(lines):
        if found := re.search(r'Epoch\((\w+)\) +((?:\[[ \d/]+\])+)', line):
            eta = re.search(r'eta: \S+', line)
            return ' '.join([*found.groups(), *([eta[0]] if eta else [])])
    return ''
