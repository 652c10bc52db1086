"""Put the categories of a COCO file in the order of the classes.

    python tools/dataset_converters/order_categories.py FILE --classes cat dog

mmdet numbers labels by the order of the file's ``categories``, so the files
for training and evaluation have to agree. Ids stay, every object keeps its
class; a class that the file lacks is added. FILE is replaced as a whole.
"""

import argparse
import json
from pathlib import Path

from surge_mmdet.datasets.class_order import order_categories
from surge_mmdet.datasets.reading import load_coco
from surge_mmdet.whole_files import write_whole


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('file', type=Path, help='annotations in COCO format')
    parser.add_argument(
        '--classes', nargs='+', required=True, help='as in metainfo=dict(classes=...)'
    )
    args = parser.parse_args()
    if not args.file.is_file():
        parser.error(f'{args.file} does not exist')
    twice = {name for name in args.classes if args.classes.count(name) > 1}
    if twice:
        parser.error(f'--classes has {", ".join(sorted(twice))} more than once')
    return args


def main() -> None:
    args = parse_args()
    try:
        content = load_coco(str(args.file))
    except ValueError as error:
        raise SystemExit(f'not changed: {error}')
    order_categories(content, args.classes)
    # A full disk must not cost the annotations.
    write_whole(args.file.resolve(), json.dumps(content).encode())
    print(f'{args.file}: categories are {[each["name"] for each in content["categories"]]}')


if __name__ == '__main__':
    main()
