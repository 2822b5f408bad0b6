"""Train each method of a study with several seeds, test them, and compare.

A study is a config file, such as configs/studies/demo.py, of

  methods   by name, each with the path of its config, options as those of
            --cfg-options, and a baseline if it is not the study's
  seeds     for each method, as randomness.seed
  baseline  the method that others are compared with, seed by seed
  teacher   its config; it is trained first, unless it has a checkpoint
  prepare   commands that fetch the data

In options {teacher} is the teacher's checkpoint, {seed} the seed and
{work_dir} the folder of the study. Run it again to go on after an
interruption, or with more seeds: what has a result is not run again.
"""
import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config
from studies.report import report
from studies.results import check_teacher, read_results
from studies.runner import ROOT, StudyRunner
from studies.runs import Study, read_study

from mmdeit.cli import (
    add_traceback_argument,
    check_output,
    end_in_one_line,
    lock_work_dir,
)


def prepare(study: Study) -> None:
    """Fetch what the trainings need.

    Raises:
        SystemExit: If a command fails.
    """
    for command in study.prepare:
        tool, *arguments = shlex.split(command)
        if subprocess.run([sys.executable, str(ROOT / tool),
                           *arguments]).returncode != 0:
            sys.exit(f'error: {command} failed, see above; --no-prepare leaves '
                     'it out')


def run_study(args: argparse.Namespace) -> None:
    """Run what is missing, and show what there is."""
    work_dir = args.work_dir or Path('work_dirs') / Path(args.study).stem
    out = args.out or work_dir / 'results'
    file = Path(f'{out}.json')
    check_output(work_dir, '--work-dir', folder=True)
    check_output(file, '--out')
    study = read_study(args.study, args.seeds, args.cfg_options)
    results = read_results(file, study)
    runner = StudyRunner(work_dir, study.teacher, args.jobs)
    missing = [run for run in study.runs if run not in results]
    teacher = [run for run in [study.teacher] if run and (
        run not in results
        or missing and not Path(runner.checkpoint(run)).exists())]
    if args.dry_run:
        for run in [*teacher, *missing]:
            for command in runner.commands(run):
                print('python', shlex.join(command))
        return
    cfg = Config(dict(work_dir=str(work_dir), launcher='none'))
    with lock_work_dir(cfg):
        if (teacher or missing) and not args.no_prepare:
            prepare(study)
        failed = runner.perform_all(teacher, results, file) if teacher else {}
        if missing and not failed:
            check_teacher(results, runner.teacher_digest(), file)
            failed = runner.perform_all(missing, results, file)
        if results:
            report(study, results, out)
    if failed:
        sys.exit('\n'.join(f'error: {run}: {words}'
                           for run, words in failed.items()))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('study', help='path of the study')
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='folder of the trainings; delete it to start over (default: '
        'work_dirs/NAME_OF_THE_STUDY)')
    parser.add_argument(
        '--out',
        type=Path,
        help='name, without an ending, of the results: OUT.json, a run a '
        'line, the table OUT.md and the picture OUT.png (default: '
        'WORK_DIR/results)')
    parser.add_argument(
        '--seeds', type=int, nargs='+', help="in place of the study's")
    parser.add_argument(
        '--jobs',
        type=int,
        default=2,
        help='how many trainings run at once, sharing the cores of the CPU '
        'and taking turns on the GPUs (default: %(default)s)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        help='overrides for all configs, as key=value')
    parser.add_argument(
        '--no-prepare',
        action='store_true',
        help='the data are there: do not fetch them')
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='print the commands of what is missing, to run elsewhere; '
        'CHECKPOINT stands for one that is yet to come, and what is then '
        'found in WORK_DIR is tested only')
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f'--jobs is {args.jobs}: give a number from 1')
    return args


def main() -> None:
    args = parse_args()
    with end_in_one_line(args) as last:
        last.describe = lambda: 'run again to go on'
        run_study(args)


if __name__ == '__main__':
    main()
