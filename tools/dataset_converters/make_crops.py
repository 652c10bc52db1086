"""Cut the boxes of a COCO-format data set into an image classification set.

Each box is enlarged to a square with some context around the object, clipped
at the border of its photograph, and saved in the folder of its class:

    OUT/{train,val}/<class>/<image>_<annotation id>.jpg
    OUT/crops.json    the options, and how many crops each class has

Crowds, boxes below --min-size and classes with fewer than --min-count
training crops are left out; both splits have the same class folders.
"""

import argparse
import json
import shutil
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2

SPLITS = ('train', 'val')


@dataclass(frozen=True)
class Recipe:
    """What is cut; lengths in pixels of the photograph."""

    margin: float = 0.15
    min_size: int = 24
    min_count: int = 1
    max_side: int = 160


def read_boxes(ann_file: Path, recipe: Recipe) -> tuple:
    """Class names by id, file names by image id, and the usable boxes."""
    content = json.loads(ann_file.read_text())
    names = {c['id']: c['name'].replace('/', '_') for c in content['categories']}
    files = {i['id']: i['file_name'] for i in content['images']}
    boxes = [
        a
        for a in content.get('annotations', [])
        if not a.get('iscrowd') and min(a['bbox'][2:]) >= recipe.min_size
    ]
    return names, files, boxes


def square(bbox: list, margin: float, width: int, height: int) -> tuple:
    """Corners (x1, y1, x2, y2) of the crop around an (x, y, w, h) box.

    Args:
        bbox: Box in COCO's form.
        margin: Context on each side, as a share of the longer side.
        width, height: Of the photograph.
    """
    x, y, w, h = bbox
    half = max(w, h) * (0.5 + margin)
    cx, cy = x + w / 2, y + h / 2
    return (
        max(0, round(cx - half)),
        max(0, round(cy - half)),
        min(width, round(cx + half)),
        min(height, round(cy + half)),
    )


def shrink(crop, max_side: int):
    """The crop, no longer than ``max_side`` on its longer side."""
    ratio = max_side / max(crop.shape[:2])
    if ratio >= 1:
        return crop
    size = [max(1, round(side * ratio)) for side in crop.shape[1::-1]]
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA)


def read_photograph(path: Path):
    """BGR (H, W, 3), or an error that names the file."""
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        raise FileNotFoundError(
            f'{path} is missing or no image. Write --train-images and '
            '--val-images with the folders of the photographs, relative to '
            'ROOT.'
        )
    return image


def write_split(
    out: Path, folder: Path, files: dict, boxes: list, names: dict, recipe: Recipe
) -> Counter:
    """Write the crops of one split; counts by class name."""
    by_image = defaultdict(list)
    for box in boxes:
        by_image[box['image_id']].append(box)
    counts = Counter()
    for image_id, group in sorted(by_image.items()):
        image = read_photograph(folder / files[image_id])
        for box in group:
            x1, y1, x2, y2 = square(box['bbox'], recipe.margin, *image.shape[1::-1])
            if x2 <= x1 or y2 <= y1:
                continue  # the box lies outside its photograph
            name = names[box['category_id']]
            stem = Path(files[image_id]).stem
            cv2.imwrite(
                str(out / name / f'{stem}_{box["id"]}.jpg'),
                shrink(image[y1:y2, x1:x2], recipe.max_side),
                [cv2.IMWRITE_JPEG_QUALITY, 92],
            )
            counts[name] += 1
    return counts


def choose_classes(read: dict, min_count: int) -> set:
    """Names of the classes with enough boxes for training."""
    names, _, boxes = read['train']
    counts = Counter(names[box['category_id']] for box in boxes)
    chosen = {name for name, n in counts.items() if n >= min_count}
    if not chosen:
        raise ValueError(
            f'no class has {min_count} boxes for training; the largest '
            f'classes have {dict(counts.most_common(3))}. Write a smaller '
            '--min-count or --min-size.'
        )
    return chosen


def make(root: Path, out: Path, ann_files: dict, folders: dict, recipe: Recipe = Recipe()) -> dict:
    """Write the whole set; a killed run leaves no finished folder.

    Args:
        root: Folder of the COCO-format data.
        out: Folder to write; replaced if it is there.
        ann_files, folders: Annotation file and folder of the photographs of
            ``train`` and ``val``, relative to ``root``.
        recipe: What is cut.

    Returns:
        dict: Split to class name to the number of crops.
    """
    read = {s: read_boxes(root / ann_files[s], recipe) for s in SPLITS}
    classes = choose_classes(read, recipe.min_count)
    part = out.with_name(out.name + '.part')
    shutil.rmtree(part, ignore_errors=True)
    counts = {}
    for split, (names, files, boxes) in read.items():
        boxes = [b for b in boxes if names[b['category_id']] in classes]
        for name in classes:
            (part / split / name).mkdir(parents=True)
        counts[split] = write_split(
            part / split, root / folders[split], files, boxes, names, recipe
        )
    (part / 'crops.json').write_text(
        json.dumps(dict(recipe=asdict(recipe), crops=counts), indent=1)
    )
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return counts


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', type=Path, help='COCO-format data')
    parser.add_argument('--out', type=Path, default=Path('data/coco_crops'))
    for split in SPLITS:
        parser.add_argument(
            f'--{split}-ann', metavar='JSON', default=f'annotations/instances_{split}2017.json'
        )
        parser.add_argument(f'--{split}-images', metavar='FOLDER', default=f'{split}2017')
    for name, text in (
        ('margin', 'context on each side, share of the longer side'),
        ('min_size', 'shortest side of a box in pixels'),
        ('min_count', 'training crops that a class needs'),
        ('max_side', 'longest side of a saved crop in pixels'),
    ):
        default = getattr(Recipe, name)
        parser.add_argument(
            f'--{name.replace("_", "-")}', help=text, type=type(default), default=default
        )
    args = parser.parse_args(argv)
    if args.margin < 0 or min(args.min_size, args.min_count, args.max_side) < 1:
        parser.error(
            '--margin must be >= 0, the others >= 1: for example '
            '--margin 0.15 --min-size 24 --min-count 10'
        )
    if args.out.exists() and not (args.out / 'crops.json').is_file():
        parser.error(f'{args.out} exists and is not a folder of crops; choose another --out')
    for split in SPLITS:
        ann = args.root / getattr(args, f'{split}_ann')
        if not ann.is_file():
            parser.error(
                f'{ann} does not exist. Write --{split}-ann with '
                'the annotation file, relative to ROOT'
            )
    return args


def main() -> None:
    args = parse_args()
    counts = make(
        args.root,
        args.out,
        {s: getattr(args, f'{s}_ann') for s in SPLITS},
        {s: getattr(args, f'{s}_images') for s in SPLITS},
        Recipe(args.margin, args.min_size, args.min_count, args.max_side),
    )
    print(
        f'{args.out}: {len(counts["train"])} classes, '
        + ', '.join(f'{sum(counts[s].values())} {s} crops' for s in SPLITS)
    )


if __name__ == '__main__':
    main()
