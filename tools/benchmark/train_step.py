"""Time and memory of one training step, contestants interleaved in one run.

    python tools/benchmark/train_step.py CONFIG [CONFIG ...] --rounds 10

Each config lives in a process of its own (so that its peak memory is its
own); the main process asks one after another for a step, round by round, so
that drifts of the machine's speed meet all alike. Quoted are medians.
"""
import argparse
import itertools
import json
import multiprocessing
import platform
import resource
import sys
import time
from pathlib import Path
from statistics import median


def contestant(config: str, options: dict, pipe) -> None:
    """Build model, data and optimiser once; then one step per request."""
    from mmdet.registry import MODELS
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    init_default_scope('mmdet')
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    wrapper = _optim_wrapper(cfg, model)
    loader = cfg.train_dataloader
    loader.pop('worker_init_fn', None)
    loader.update(num_workers=0, persistent_workers=False)
    batches = Runner.build_dataloader(loader, seed=0)
    data = itertools.chain.from_iterable(itertools.repeat(batches))
    while pipe.recv():
        batch = next(data)
        start = time.perf_counter()
        model.train_step(batch, wrapper)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send((seconds, peak))


def _optim_wrapper(cfg, model):
    from mmengine.optim import build_optim_wrapper
    return build_optim_wrapper(model, cfg.optim_wrapper)


def measure(configs: list, rounds: int, warmup: int, options: dict) -> dict:
    """Seconds per step of each round, and the peak memory in MiB."""
    context = multiprocessing.get_context('spawn')
    pipes, processes = [], []
    for config in configs:
        ours, theirs = context.Pipe()
        process = context.Process(target=contestant, daemon=True,
                                  args=(config, options, theirs))
        process.start()
        theirs.close()  # so that a contestant's death is seen here
        pipes.append(ours)
        processes.append(process)
    found = {config: dict(seconds=[], peak_mib=0.0) for config in configs}
    for index in range(rounds + warmup):
        for config, pipe in zip(configs, pipes, strict=True):
            try:
                pipe.send(True)
                seconds, peak = pipe.recv()
            except (EOFError, OSError):
                sys.exit(f'{config} ended with the error above. Check that '
                         'the file exists and trains: python tools/train.py '
                         f'{config}')
            found[config]['peak_mib'] = peak
            if index >= warmup:
                found[config]['seconds'].append(seconds)
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(False)
        process.join()
    return found


def table(found: dict) -> str:
    """Markdown; ratios are medians of the round-by-round ratios to the
    first contestant."""
    base = next(iter(found.values()))
    lines = ['| contestant | s/step (median) | ratio to first | peak MiB | '
             'ratio |', '|---|---|---|---|---|']
    for config, row in found.items():
        ratio = median(a / b for a, b in
                       zip(row['seconds'], base['seconds'], strict=True))
        lines.append(
            f'| {Path(config).stem} | {median(row["seconds"]):.3f} | '
            f'{ratio:.2f} | {row["peak_mib"]:.0f} | '
            f'{row["peak_mib"] / base["peak_mib"]:.2f} |')
    return '\n'.join(lines)


def main() -> None:
    from mmengine.config import DictAction
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--warmup', type=int, default=2)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        default={})
    parser.add_argument('--out', type=Path, help='JSON file')
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error('--rounds must be >= 1: --rounds 10')
    found = measure(args.configs, args.rounds, args.warmup, args.cfg_options)
    print(f'{platform.processor() or platform.machine()}, Python '
          f'{platform.python_version()}, {args.rounds} rounds interleaved')
    print(table(found))
    if args.out:
        args.out.write_text(json.dumps(found, indent=1))


if __name__ == '__main__':
    main()
