"""Compare gradient estimators with the gradient of the smoothed loss.

    python tools/analysis_tools/gradient_fidelity.py CONFIG [CHECKPOINT]

One mini-batch of the config's training data goes through the detector. At
each chosen binary layer the estimated gradient of the loss to the layer's
input is held against that of the Gaussian-smoothed loss (antithetic Monte
Carlo): its slope along the estimate, minus that along STE's (above 0: closer
than STE), with 95 % intervals; cosine, relative error and length. The config
has to train with SURGE; the other methods are measured on the same weights
and noise. docs/results/gradient_fidelity.md has results.
"""

import argparse
import sys

import torch

from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.fidelity import choose_layers, compare, fidelity_table, fixed_loss
from surge_mmdet.analysis.tables import write_json, write_record
from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.writable import out_file


def parse_arguments() -> argparse.Namespace:
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
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    parser.add_argument('--out', type=out_file, help='JSON file')
    parser.add_argument('--record', type=out_file, help='JSON of the table, for docs/results')
    args = parser.parse_args()
    if args.sigma <= 0 or args.samples < 2 or args.depths < 1:
        parser.error(
            '--sigma must be > 0, --samples >= 2, --depths >= 1: '
            '--sigma 0.3 --samples 50 --depths 5'
        )
    return args


def main() -> None:
    args = parse_arguments()
    try:
        model, loss = fixed_loss(args.config, args.checkpoint, args.cfg_options)
        layers = choose_layers(model, loss, args.layers, args.depths)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    found = {}
    for name in layers:
        noise = torch.Generator().manual_seed(1)
        found[name] = compare(model, name, loss, args.sigma, args.samples, noise)
        print(fidelity_table({name: found[name]}).markdown(), flush=True)
    rows = {layer: {k: vars(v) for k, v in each.items()} for layer, each in found.items()}
    write_json(rows, args.out)
    write_record(
        dict(fidelity=fidelity_table(found)),
        args.record,
        **conditions(sigma=args.sigma, samples=args.samples),
    )


if __name__ == '__main__':
    main()
