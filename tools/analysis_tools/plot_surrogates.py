"""Draw the surrogate gradients of all activation binarizers into one figure.

python tools/analysis_tools/plot_surrogates.py docs/images/surrogates.png
"""

import argparse

from surge_mmdet.analysis.curves import plot_surrogates
from surge_mmdet.writable import out_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('picture', type=out_file, help='file to write')
    args = parser.parse_args()
    if not args.picture.parent.is_dir():
        parser.error(f'there is no folder {args.picture.parent}: mkdir -p {args.picture.parent}')
    plot_surrogates(args.picture)
    print(args.picture)


if __name__ == '__main__':
    main()
