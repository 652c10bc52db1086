"""Train the runs of a study plan, one after another, and write its tables.

    python tools/benchmark/run_study.py tools/benchmark/plans/bccd.py \\
        --work-dir work_dirs/study

Each run is a training by tools/train.py in a folder of its own. Started
again, the study skips what is finished and resumes what was cut off, so stop
it whenever you like. Several processes may work on one folder: a run is
locked while one of them trains it, and one that finds only locked runs leaves.
report.html, report.md, results.csv and record.json are written after every
run. --costs measures operations, file size and packed speed of each method
for them, on one thread; that takes minutes, so measure on an idle machine.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from surge_mmdet.analysis.loading import load_config
from surge_mmdet.analysis.study import (
    Study,
    build_each,
    load_plan,
    require_trainable,
    run_config,
)

ROOT = Path(__file__).resolve().parents[2]


def parse_arguments() -> tuple:
    """Arguments and checked study."""
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
        '--costs', action='store_true', help='only measure what each method costs when it is used'
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
            require_trainable(plan, load_config(plan.config))
            build_each(plan, lambda run: run_config(plan, run, args.cfg_options))
    except ValueError as error:
        sys.exit(f'{args.plan}: {error}')
    return args, Study(plan, args.work_dir, ROOT / 'tools/train.py', args.cfg_options, args.keep)


def main() -> None:
    args, study = parse_arguments()
    if args.tables and not list(args.work_dir.glob('*/result.json')):
        sys.exit(f'nothing is finished in {args.work_dir}. Start the study without --tables.')
    args.work_dir.mkdir(parents=True, exist_ok=True)
    if args.costs:
        from surge_mmdet.analysis.study.report.costs import measure_costs

        measure_costs(study.plan, args.work_dir, args.cfg_options)
    elif not args.tables:
        try:
            study.train_all(args.optimizers)
        except ValueError as error:
            sys.exit(str(error))
    print(study.write_tables())
    left = sum(len(study.pending(optimizer)) for optimizer in args.optimizers)
    if left:
        print(f'{left} runs are left, or in the hands of other processes.')


if __name__ == '__main__':
    main()
