"""Generate the tables of the documents, from the records in docs/results and from the code.

    python tools/analysis_tools/write_tables.py
    python tools/analysis_tools/write_tables.py --check

A record is the JSON that a tool writes with --record, such as

    python tools/benchmark/layer_step.py --record docs/results/layer_cost.json

and a document asks for one of its tables by the comments
<!-- results: layer_cost/layers --> and <!-- end of results -->. What the code
knows, methods, options and registries, stands between
<!-- table: surge-options --> and <!-- end of table -->.
"""

import argparse
import sys
from pathlib import Path

from surge_mmdet.analysis.published import write_pages

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        '--check', action='store_true', help='change nothing; status 1 if a page is out of date'
    )
    parser.add_argument('--root', type=Path, default=ROOT, help='of the repository')
    args = parser.parse_args()
    try:
        stale = write_pages(args.root, args.check)
    except ValueError as error:
        sys.exit(str(error))
    for page in stale:
        print(page.relative_to(args.root))
    if args.check and stale:
        sys.exit('These tables are out of date. Run: python tools/analysis_tools/write_tables.py')


if __name__ == '__main__':
    main()
