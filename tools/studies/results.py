"""The results of a study, a line a run, with dates and versions."""
import json
from pathlib import Path

from analysis_tools.machine import circumstances
from analysis_tools.rows import write_rows

from .runs import Run, Study

TOP1 = 'accuracy/top1'


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
        teacher (str, optional): Hash of the checkpoint of those to come.
        path (Path): The file they are from.

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
    write_rows(path, rows.values())


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
        **circumstances(threads))
