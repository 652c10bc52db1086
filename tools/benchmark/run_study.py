"""Train the runs of a study plan, one after another, and write its tables.

    python tools/benchmark/run_study.py configs/ablation/plan_bccd.py \\
        --work-dir work_dirs/study

Each run is a training by tools/train.py in a folder of its own. Started
again, the study skips what is finished and resumes what was cut off, so stop
it whenever you like. Several processes may work on one folder: a run is
locked while one of them trains it, and one that finds only locked runs leaves.
tables.md and results.json are written after every run.
"""

import argparse
import fcntl
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

from mmengine.config import Config

from surge_mmdet.analysis.study import (
    Run,
    all_rates,
    best_rates,
    seed_runs,
    seed_table,
    tuning_runs,
    tuning_table,
)
from surge_mmdet.analysis.study_plan import (
    check_config,
    check_contestants,
    load_plan,
)
from surge_mmdet.analysis.training_log import read_scalars, split_rows

ROOT = Path(__file__).resolve().parents[2]


def run_config(plan, run: Run, options: dict) -> Config:
    """The config of one run."""
    cfg = Config.fromfile(plan.config)
    policy = plan.contestants[run.contestant]
    for module in plan.modules:
        cfg.model[module].policy = policy
    if policy is None or policy.get('layer', {}).get('surge', True) is None:
        cfg.default_hooks.ags = dict(type='surge_mmdet.NonFiniteStepHook')
    cfg.optim_wrapper.optimizer = dict(plan.optimizers[run.optimizer]['optimizer'], lr=run.lr)
    cfg.randomness = dict(seed=run.seed)
    cfg.merge_from_dict(options)
    return cfg


def train(config: Path, lock) -> dict:
    """Train the run of a config (or go on with it) and return its outcome.

    The training holds the lock too: it may outlive this process.
    """
    folder = config.parent
    for _ in range(2):
        with open(folder / 'output.txt', 'a') as output:
            code = subprocess.call(
                [
                    sys.executable,
                    str(ROOT / 'tools/train.py'),
                    str(config),
                    '--work-dir',
                    str(folder),
                    '--resume',
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.fileno(),),
            )
        result = outcome(folder, code)
        if code or result is not None:
            break
        # It was killed in its last validation, which a resumed training
        # does not repeat. So the training is.
        remove_checkpoints(folder)
    if result is None:
        last = (folder / 'output.txt').read_text().rstrip().rsplit('\n', 1)
        sys.exit(f'{folder.name} failed: {last[-1]}\nSee {folder}/output.txt')
    return result


def remove_checkpoints(folder: Path) -> None:
    """Remove what a resume would go on from."""
    for file in (folder / 'last_checkpoint', *folder.glob('*.pth')):
        file.unlink(missing_ok=True)


def write_config(cfg: Config, folder: Path) -> Path:
    """run.py of a run; a folder of another config is refused."""
    config = folder / 'run.py'
    partial = folder / 'run_partial.py'
    cfg.dump(partial)
    if config.exists() and config.read_text() != partial.read_text():
        partial.unlink()
        sys.exit(
            f'{folder} was trained with another config. Take another '
            f'--work-dir, or remove {folder}.'
        )
    os.replace(partial, config)
    return config


def write_whole(text: str, target: Path) -> None:
    """All of a file or nothing, beside other processes that write it."""
    partial = target.with_name(f'{target.name}.{os.getpid()}')
    partial.write_text(text)
    os.replace(partial, target)


def outcome(folder: Path, code: int):
    """AP and AP50 of a finished run; 0 for one that diverged; None for one
    that failed or has not been validated."""
    if code:
        text = (folder / 'output.txt').read_text()
        if 'the training has diverged' not in text[-4000:]:
            return None
        return dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True)
    rows, val = split_rows(read_scalars(folder))
    if not val or not rows:
        return None
    return dict(
        AP=val[-1]['coco/bbox_mAP'],
        AP50=val[-1]['coco/bbox_mAP_50'],
        skipped=rows[-1].get('surge.skipped_steps', 0),
        diverged=False,
    )


def read_results(plan, folder: Path) -> dict:
    """Run to result, of all that are finished."""
    found = {}
    seeds = (plan.tune_seed, *plan.seeds)
    for optimizer in plan.optimizers:
        tried = all_rates(plan, optimizer)
        for name, lr, seed in product(plan.contestants, tried, seeds):
            run = Run(optimizer, name, lr, seed)
            file = folder / run.name / 'result.json'
            if file.exists():
                found[run] = json.loads(file.read_text())
    return found


def write_tables(plan, folder: Path) -> str:
    """tables.md and results.json from what is finished."""
    results = read_results(plan, folder)
    text = '\n\n'.join(
        part(results, plan, optimizer)
        for optimizer in plan.optimizers
        for part in (tuning_table, seed_table)
    )
    write_whole(text + '\n', folder / 'tables.md')
    rows = [dict(vars(run), **row) for run, row in results.items()]
    write_whole(json.dumps(rows, indent=1), folder / 'results.json')
    return text


def pending(plan, folder: Path, optimizer: str) -> list:
    """Runs that are left, in order; the seeds wait for the choice."""
    results = read_results(plan, folder)
    best = best_rates(results, plan, optimizer)
    runs = tuning_runs(plan, optimizer) + seed_runs(plan, optimizer, best)
    return [run for run in runs if run not in results]


def next_run(plan, folder: Path, optimizers: list) -> tuple:
    """The first unfinished run that no other process has, and its lock."""
    for optimizer in optimizers:
        for run in pending(plan, folder, optimizer):
            (folder / run.name).mkdir(exist_ok=True)
            lock = open(folder / run.name / 'lock', 'w')  # noqa: SIM115
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            if not (folder / run.name / 'result.json').exists():
                return run, lock
            lock.close()
    return None, None


def parse_arguments() -> tuple:
    """Arguments and checked plan."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('plan', help='see configs/ablation/README.md')
    parser.add_argument('--work-dir', type=Path, required=True, help='one folder per study')
    parser.add_argument('--optimizers', nargs='+', help='only these of the plan, in this order')
    parser.add_argument('--keep', action='store_true', help='keep checkpoints of finished runs')
    parser.add_argument(
        '--tables', action='store_true', help='only write the tables of what is finished'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='for every run'
    )
    args = parser.parse_args()
    try:
        plan = load_plan(args.plan, ROOT)
        args.optimizers = args.optimizers or list(plan.optimizers)
        if set(args.optimizers) - set(plan.optimizers):
            parser.error('unknown optimizer. Write --optimizers ' + ' '.join(plan.optimizers))
        if not args.tables:
            check_config(plan, Config.fromfile(plan.config))
            check_contestants(plan, lambda run: run_config(plan, run, args.cfg_options))
    except ValueError as error:
        sys.exit(f'{args.plan}: {error}')
    return args, plan


def main() -> None:
    args, plan = parse_arguments()
    if args.tables and not list(args.work_dir.glob('*/result.json')):
        sys.exit(f'nothing is finished in {args.work_dir}. Start the study without --tables.')
    args.work_dir.mkdir(parents=True, exist_ok=True)
    while not args.tables:
        run, lock = next_run(plan, args.work_dir, args.optimizers)
        if run is None:
            break
        folder = args.work_dir / run.name
        with lock:
            config = write_config(run_config(plan, run, args.cfg_options), folder)
            write_whole(json.dumps(train(config, lock)), folder / 'result.json')
            if not args.keep:
                remove_checkpoints(folder)
        print(write_tables(plan, args.work_dir), flush=True)
    print(write_tables(plan, args.work_dir))
    left = sum(len(pending(plan, args.work_dir, optimizer)) for optimizer in args.optimizers)
    if left:
        print(f'{left} runs are left, or in the hands of other processes.')


if __name__ == '__main__':
    main()
