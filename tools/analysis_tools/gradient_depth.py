"""Show how the gradient changes on its way down through the binary layers.

    python tools/analysis_tools/gradient_depth.py CONFIG CHECKPOINT

One mini-batch of the config's training data goes forward and back. For each
part of the network: the norm of the gradient g that its layers hand down, over
that of the gradient delta that they get; with SURGE the cosine between both
paths; and how smooth g, g_b and g_a are: the share of a map's energy that a
3x3 mean leaves (0.11 for noise). Likewise the weights: the share of a kernel's
energy that is the same in all taps. docs/results/surge_and_distillation.md has
an example.
"""

import argparse
import sys

from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.fidelity import depth_table, fixed_loss, gradient_by_depth
from surge_mmdet.analysis.tables import write_record
from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.writable import out_file


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    parser.add_argument('--record', type=out_file, help='JSON of the table, for docs/results')
    args = parser.parse_args()
    try:
        found = gradient_by_depth(*fixed_loss(args.config, args.checkpoint, args.cfg_options))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if not found:
        sys.exit(f'{args.config} has no binary convolution. Write policy=dict(layer=dict(...)).')
    table = depth_table(found)
    print(table.markdown())
    write_record(dict(depth=table), args.record, **conditions())


if __name__ == '__main__':
    main()
