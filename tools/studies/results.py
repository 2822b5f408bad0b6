"""The results of a study, a line a run, with dates and versions."""
import json
import time
from importlib.metadata import version
from pathlib import Path

import mmcv
import mmpretrain
import torch
from analysis_tools.machine import device_name

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


def result(run: Run, metrics: dict[str, float]) -> dict:
    """Describe a run and its result, with date and versions.

    Args:
        run (Run): The run.
        metrics (dict[str, float]): Of ``tools/test.py``.
    """
    return dict(
        method=run.method,
        seed=run.seed,
        **metrics,
        config=run.config,
        options=list(run.options),
        settings=run.settings,
        date=time.strftime('%Y-%m-%d'),
        device=device_name(),
        torch=torch.__version__,
        mmengine=version('mmengine'),
        mmcv=mmcv.__version__,
        mmpretrain=mmpretrain.__version__,
        mmdeit=version('mmdeit'))
