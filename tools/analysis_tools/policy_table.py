"""What is binary in a detector, what stays real, and why.

    python tools/analysis_tools/policy_table.py configs/binarized/*.py \\
        --summary

Any mmdet config can be tried before there is a child of it:

    python tools/analysis_tools/policy_table.py \\
        mmdet::gfl/gfl_r50_fpn_1x_coco.py --cfg-options \\
        model.type=surge_mmdet.BinarizedDetector model.detector=GFL
"""

import argparse
import logging
import sys

from mmdet.utils import register_all_modules
from mmengine.logging import MMLogger

from surge_mmdet.analysis.loading import build_model, load_config
from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.convert import policy_summary, policy_table


def load(path: str, options: dict):
    """The model of a config file, or of ``mmdet::folder/name.py``."""
    return build_model(load_config(path, options), path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--summary', action='store_true', help='counts only, no row per layer')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    args = parser.parse_args()
    register_all_modules()
    # The detector logs the same summary when it is built.
    MMLogger.get_instance('policy_table', log_level=logging.WARNING)
    show = policy_summary if args.summary else policy_table
    try:
        for path in args.configs:
            print(f'{path}\n{show(load(path, args.cfg_options))}\n')
    except (FileNotFoundError, TypeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
