"""Compare methods: train the runs of a plan, and write its tables.

    python tools/benchmark/compare_methods.py tools/benchmark/plans/field_bccd.py \\
        --work-dir work_dirs/field --processes 2

Each run is a training by tools/train.py in a folder of its own. Started
again, the comparison skips what is finished, resumes what was cut off and
tries again what has failed, so stop it whenever you like. Several may work on
one folder, on machines that share it: a run is locked while one of them
trains it. --continue-from takes finished runs of a comparison whose work
directory is gone, from its results.json and plan.json. --dry-run shows the
plan, the time it takes and what its seeds can show. Exit status 1 says that
runs have failed; the others are trained.
--costs measures the size, the operations and the packed speed of each method
for the report; it takes minutes, so let the machine be idle.
docs/guides/compare_methods.md tells more.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from mmengine.logging import MMLogger

from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.left_files import DamagedFile
from surge_mmdet.analysis.loading import load_config
from surge_mmdet.analysis.study import (
    Worker,
    build_each,
    check_unfinished,
    claim,
    continue_from,
    executor,
    gpus,
    has_kept,
    left_out,
    load_plans,
    overview,
    processes,
    rehearsal,
    require_continuable,
    require_data,
    require_same_plan,
    require_teachers,
    require_trainable,
    run_config,
    side_by_side,
    submit,
    wait,
)
from surge_mmdet.analysis.study.report import write_joint_report
from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.errors import first_sentence
from surge_mmdet.text import counted
from surge_mmdet.writable import out_folder

ROOT = Path(__file__).resolve().parents[2]
STOPPED = 130  # the exit status of a command that Ctrl-C has ended


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add('plan', help='see docs/guides/compare_methods.md')
    add('--work-dir', type=out_folder, required=True, help='one folder per plan')
    add('--optimizers', nargs='+', help='only these of the plan, in this order')
    add('--keep', action='store_true', help='keep checkpoints of finished runs')
    add(
        '--continue-from',
        type=Path,
        metavar='FOLDER',
        help='take the finished runs that its results.json and plan.json tell of',
    )
    add('--no-packed', action='store_true', help='do not pack binary detectors and validate them')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--dry-run', action='store_true', help='check and show the plan, and leave')
    what.add_argument(
        '--costs', action='store_true', help='only measure size, operations and packed speed'
    )
    what.add_argument('--tables', action='store_true', help='only write what is finished')
    where = parser.add_mutually_exclusive_group()
    where.add_argument('--processes', type=int, default=1, help='runs at once on this machine')
    where.add_argument('--gpus', type=int, nargs='+', help='GPUs of this machine, one run on each')
    where.add_argument(
        '--cluster', choices=('slurm', 'local'), help='submit jobs by submitit; local: no cluster'
    )
    add('--jobs', type=int, help='how many jobs --cluster submits, default: 1')
    add(
        '--job-options',
        nargs='+',
        action=CfgOptions,
        default={},
        help='of submitit, such as slurm_partition=gpu gpus_per_node=1 timeout_min=600',
    )
    add('--cfg-options', nargs='+', action=CfgOptions, default={}, help='for every run')
    args = parser.parse_args()
    if args.continue_from and (args.tables or args.costs):
        parser.error('--continue-from belongs to a training. Leave --tables and --costs out.')
    if not args.cluster and (args.jobs is not None or args.job_options):
        parser.error('--jobs and --job-options are about a cluster. Write --cluster slurm too.')
    args.jobs = 1 if args.jobs is None else args.jobs
    return args


def worker_of(args: argparse.Namespace) -> Worker:
    """What is trained, from the plan.

    Raises:
        ValueError: If the plan cannot be read, or lacks a named optimizer.
    """
    known = list(load_plans(args.plan, ROOT)[0].optimizers)
    chosen = args.optimizers or known
    if set(chosen) - set(known):
        raise ValueError('unknown optimizer. Write --optimizers ' + ' '.join(known))
    return Worker(
        plan=args.plan,
        root=ROOT,
        folder=args.work_dir,
        optimizers=tuple(chosen),
        options=args.cfg_options,
        keep=args.keep,
        packed=not args.no_packed,
        started=time.time(),
    )


def check(comparison) -> None:
    """Everything that can be known before the first run.

    Raises:
        ValueError: The text shows the corrected line.
    """
    for study in comparison.studies:
        plan = study.plan
        cfg = load_config(plan.config, study.options)
        require_same_plan(study)
        require_trainable(plan, cfg)
        require_data(cfg, plan.config)

        def config_of(run, study=study):
            return run_config(study.plan, run, study.options, Path('teacher'))

        build_each(plan, config_of)
        require_teachers(plan, config_of)
        check_unfinished(study, comparison.optimizers)


def sources_of(source_root: Path, comparison, folder: Path) -> list:
    """Each study and the folder whose finished runs it takes; those without one are left out.

    Raises:
        ValueError: If they do not belong together; the text shows the corrected line.
    """
    pairs = [
        (study, source_root / study.folder.relative_to(folder)) for study in comparison.studies
    ]
    kept = [(study, source) for study, source in pairs if has_kept(source)]
    if not kept:
        folders = ' or '.join(str(source) for _, source in pairs)
        raise ValueError(
            f'--continue-from: no results.json with its plan.json in {folders}. '
            'Write --continue-from FOLDER, where a comparison has left both.'
        )
    for study, source in kept:
        require_continuable(study, source)
    return kept


def take(pairs: list) -> None:
    """Take finished runs, and say how many."""
    for study, source in pairs:
        taken, left = continue_from(study, source), left_out(study, source)
        told = f'; not those of {", ".join(left)}, which the plan has not' if left else ''
        print(f'{counted(len(taken), "finished run")} taken from {source}{told}.\n')


def show(args: argparse.Namespace, worker: Worker, workers: int) -> None:
    """Show what would be trained, and leave the work directory as it is."""
    if args.continue_from is None:
        print(overview(worker.comparison(), workers))
        return
    with rehearsal(args.work_dir) as folder:
        comparison = replace(worker, folder=folder).comparison()
        take(sources_of(args.continue_from, comparison, folder))
        print(overview(comparison, workers))


def places(args: argparse.Namespace, worker: Worker) -> list:
    """The variables of each worker's trainings on this machine; of a cluster its executor.

    Raises:
        ValueError: If there is no such place; the text shows the corrected line.
    """
    if args.cluster:
        return executor(worker.folder, args.jobs, args.cluster, args.job_options)
    return gpus(args.gpus) if args.gpus else processes(args.processes)


def train(args: argparse.Namespace, worker: Worker, comparison, where) -> list:
    """Train what is left where the command line says; what went wrong beside the runs."""
    if args.cluster:
        jobs = submit(where, worker, args.jobs)
        folder = args.work_dir / 'jobs'
        print(f'{counted(len(jobs), "job")}: {", ".join(job.job_id for job in jobs)}; see {folder}')
        return wait(jobs)
    side_by_side(comparison, where)
    return []


def measure(comparison) -> None:
    """Measure what each method costs when it is used, on one thread."""
    from surge_mmdet.analysis.study.report.costs import measure_costs

    for study in comparison.studies:
        measure_costs(study.plan, study.folder, study.options)


def finish(comparison, folder: Path, trained: bool = False) -> int:
    """Write the reports and print their tables; the exit status."""
    if len(comparison.studies) > 1:
        pairs = [(study.plan, study.folder) for study in comparison.studies]
        write_joint_report(pairs, folder, **conditions())
    for study in comparison.studies:
        if study.plan.dataset:
            print(f'\n{study.plan.dataset}\n')
        print(study.write_tables())
        print(f'\nThe report: {study.folder / "report.html"}')
    failed = comparison.failed
    for study, run, line in failed:
        print(f'FAILED: {study.folder / run.name}: {line}')
    left = comparison.total - comparison.done - len(failed)
    if left:
        others = ': in the hands of others, or waiting for a failed one' if trained else ''
        print(f'{counted(left, "run")} left{others}.')
    return int(bool(failed))


def main() -> int:
    try:
        return compare(parse_arguments())
    except KeyboardInterrupt:  # the trainings have ended: study/runs/process.py
        print('Stopped. Start the same command again: it goes on where it was.', file=sys.stderr)
        return STOPPED


def compare(args: argparse.Namespace):
    """Do what the command line asks for; the exit status, or what is wrong."""
    # MMEngine tells of environment variables each time that a config is read.
    MMLogger.get_current_instance().setLevel('WARNING')
    try:
        worker = worker_of(args)
        comparison = worker.comparison()
        workers = args.jobs if args.cluster else len(args.gpus or ()) or args.processes
        if args.tables:
            if not list(args.work_dir.rglob('result.json')):
                return f'nothing is finished in {args.work_dir}. Start it without --tables.'
            return finish(comparison, args.work_dir)
        if args.costs:  # needs no data
            measure(comparison)
            return finish(comparison, args.work_dir)
        where = places(args, worker)
        check(comparison)
        if args.dry_run:
            show(args, worker, workers)
            return 0
        source = args.continue_from
        sources = sources_of(source, comparison, args.work_dir) if source else []
        for study in comparison.studies:
            claim(study)
        take(sources)
        print(overview(comparison, workers), flush=True)
        lost = train(args, worker, comparison, where)
    except DamagedFile as error:
        return str(error)
    except ImportError as error:  # of a module that the plan or its config names
        return f'{args.plan}: {first_sentence(error)}. Install it, or add its folder to PYTHONPATH.'
    except ValueError as error:
        told, named = str(error), (args.plan, str(args.work_dir), '--')
        return told if told.startswith(named) else f'{args.plan}: {told}'
    for line in lost:
        print(line)
    return finish(comparison, args.work_dir, trained=True) or int(bool(lost))


if __name__ == '__main__':
    sys.exit(main())
