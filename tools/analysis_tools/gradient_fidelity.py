"""Compare gradient estimators with the gradient of the smoothed loss.

    python tools/analysis_tools/gradient_fidelity.py CONFIG [CHECKPOINT]

One mini-batch of the config's training data goes through the detector. At
each chosen binary layer the estimated gradient of the loss to the layer's
input is held against that of the Gaussian-smoothed loss (antithetic Monte
Carlo): its slope along the estimate, minus that along STE's (above 0: closer
than STE), with 95 % intervals; cosine, relative error and length. The config
has to train with SURGE; the other estimators are measured on the same weights
and noise. docs/results/gradient_fidelity.md has results.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

import torch
from mmengine.config import DictAction
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner, load_checkpoint

from surge_mmdet.analysis.complexity_table import load_config
from surge_mmdet.analysis.gradient_fidelity import (
    estimate,
    estimator,
    input_shape,
    measure,
)
from surge_mmdet.binarizers import SignPolynomial, SignSTE
from surge_mmdet.layers import BinaryLayer

ESTIMATORS = {
    'STE': dict(binarizer=SignSTE(), eta=0.0),
    'polynomial': dict(binarizer=SignPolynomial(), eta=0.0),
    'DPGC, lambda 1': dict(binarizer=SignSTE(), fixed=1.0),
    'SURGE': dict(binarizer=SignSTE()),
    'polynomial + SURGE': dict(binarizer=SignPolynomial()),
}


def build(config: str, checkpoint: str, options: dict) -> tuple:
    """The detector in training mode, and its loss on one fixed batch."""
    try:
        cfg = load_config(config)
    except FileNotFoundError as error:
        sys.exit(str(error))
    cfg.merge_from_dict(options)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    # init_weights tells of every parameter
    MMLogger.get_instance('fidelity', log_level=logging.WARNING)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    if checkpoint:
        found = load_checkpoint(model, checkpoint, map_location='cpu', strict=True)
        if not any('aux_weight' in key for key in found.get('state_dict', found)):
            print(
                f'{checkpoint} has no auxiliary weights: SURGE is measured '
                'with fresh ones (init of the config)',
                file=sys.stderr,
            )
    loader = cfg.train_dataloader
    loader.update(num_workers=0, persistent_workers=False)
    loader.pop('worker_init_fn', None)
    loader.dataset = DATASETS.build(loader.dataset)
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    data = model.train().data_preprocessor(batch, True)

    def loss() -> torch.Tensor:
        torch.manual_seed(0)  # samplers of proposals draw at random
        return model.parse_losses(model(**data, mode='loss'))[0]

    return model, loss


def choose(model, wanted: list, count: int) -> dict:
    """Compensated layers by name, evenly spread over depth."""
    layers = {
        name: m for name, m in model.named_modules() if isinstance(m, BinaryLayer) and m.compensated
    }
    if not layers:
        sys.exit(
            'The config has no layer with SURGE. Write policy=dict('
            'layer=dict(surge=dict(eta=0.3))), or choose a surge config.'
        )
    for layer in layers.values():
        layer.start_aux_weight()
    unknown = [name for name in wanted if name not in layers]
    if unknown:
        sys.exit(f'no such layers: {", ".join(unknown)}. Choose from {", ".join(layers)}.')
    names = wanted or [n for n in layers if 'rpn' not in n]
    step = max(1, len(names) / count)
    picked = names if wanted else [names[int(i * step)] for i in range(min(count, len(names)))]
    return {name: layers[name] for name in picked}


def table(found: dict) -> str:
    """Markdown: a row per layer and estimator."""
    lines = [
        '| layer | estimator | slope | 95 % | minus STE | 95 % | '
        'cosine | relative error | length |',
        '|---' * 9 + '|',
    ]
    for layer, rows in found.items():
        for name, row in rows.items():
            lines.append(
                f'| {layer} | {name} | {row.slope:.2g} | {{:.2g}} to {{:.2g}} | '.format(
                    *row.slope_interval
                )
                + f'{row.difference:+.2g} | {{:+.2g}} to {{:+.2g}} | '.format(
                    *row.difference_interval
                )
                + f'{row.cosine:.3f} | {row.error:.3g} | {row.growth:.2g} |'
            )
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?')
    parser.add_argument(
        '--sigma', type=float, default=0.3, help='noise on the input of a layer (default 0.3)'
    )
    parser.add_argument('--samples', type=int, default=50)
    parser.add_argument('--depths', type=int, default=5, help='how many layers, spread over depth')
    parser.add_argument('--layers', nargs='+', default=[])
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    parser.add_argument('--out', type=Path, help='JSON file')
    args = parser.parse_args()
    if args.sigma <= 0 or args.samples < 2 or args.depths < 1:
        parser.error(
            '--sigma must be > 0, --samples >= 2, --depths >= 1: '
            '--sigma 0.3 --samples 50 --depths 5'
        )
    model, loss = build(args.config, args.checkpoint, args.cfg_options)
    found = {}
    for name, layer in choose(model, args.layers, args.depths).items():
        shape = input_shape(layer, loss)
        estimates = {}
        for label, options in ESTIMATORS.items():
            with estimator(model, **options):
                estimates[label] = estimate(layer, loss, shape)
        found[name] = measure(
            layer, loss, estimates, args.sigma, args.samples, torch.Generator().manual_seed(1)
        )
        print(table({name: found[name]}), flush=True)
    if args.out:
        args.out.write_text(
            json.dumps(
                {layer: {k: vars(v) for k, v in rows.items()} for layer, rows in found.items()},
                indent=1,
            )
        )


if __name__ == '__main__':
    main()
