"""The results of a study, a line a run, with dates and versions."""
import json
import time
from importlib.metadata import version
from pathlib import Path

import mmcv
import mmpretrain
import torch

from mmdeit.files import write_atomically

from .runs import Run, Study


def read_results(path: Path, study: Study) -> dict[Run, dict]:
    """Read the results that a study has so far.

    Args:
        path (Path): Its JSON file, which need not be there.
        study (Study): What they have to be of.

    Returns:
        dict[Run, dict]: Of each run that is done, see :func:`result`.

    Raises:
        ValueError: If one is of other settings, or the file of something else.
    """
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text())
        done = {(row['method'], row['seed']): row for row in rows}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f'{path} has no results of a study: remove it, or '
                         'give another --out') from error
    results = {}
    for run in study.all_runs:
        row = done.get((run.method, run.seed))
        if row is None:
            continue
        if row['settings'] != run.settings:
            raise ValueError(
                f'{path} has {run} of other settings (config {row["config"]}, '
                f'options {row["options"]}): give another --out and '
                '--work-dir, or remove it')
        results[run] = row
    return results


def check_teacher(results: dict[Run, dict], teacher: str | None,
                  path: Path) -> None:
    """Check that results are of one teacher.

    Args:
        results (dict[Run, dict]): Results so far.
        teacher (str, optional): Hash of the checkpoint for those to come.
        path (Path): Of the file they are from.

    Raises:
        ValueError: If they are of another one.
    """
    for run, row in results.items():
        if row['teacher'] != teacher:
            raise ValueError(f'{path} has {run} of another teacher, of which '
                             'no checkpoint is in the work directory: give '
                             'another --out, or remove it')


def write_results(path: Path, results: dict[Run, dict]) -> None:
    """Write the results, a run a line; those of other runs are kept.

    Args:
        path (Path): A JSON file.
        results (dict[Run, dict]): The runs that are done.
    """
    rows = json.loads(path.read_text()) if path.exists() else []
    rows = {(row['method'], row['seed']): row for row in rows}
    rows.update(
        ((row['method'], row['seed']), row) for row in results.values())
    lines = ',\n'.join(json.dumps(row) for row in rows.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f'[\n{lines}\n]\n'.encode())


def result(run: Run, metrics: dict[str, float], threads: int,
           teacher: str | None) -> dict:
    """Describe a run and its result, with date and versions.

    Args:
        run (Run): The run.
        metrics (dict[str, float]): Of ``tools/test.py``.
        threads (int): Of a CPU, that it ran with.
        teacher (str, optional): Hash of the teacher's checkpoint.
    """
    return dict(
        method=run.method,
        seed=run.seed,
        **metrics,
        config=run.config,
        options=list(run.options),
        settings=run.settings,
        teacher=teacher,
        date=time.strftime('%Y-%m-%d'),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else
        f'CPU, {threads} threads',
        torch=torch.__version__,
        mmengine=version('mmengine'),
        mmcv=mmcv.__version__,
        mmpretrain=mmpretrain.__version__,
        mmdeit=version('mmdeit'))
