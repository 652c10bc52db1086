"""Make the demo data: real handwritten digits on real photographs.

The digits are scikit-learn's bundled set (UCI, 8x8 scans by 43 writers), the
photographs are bundled with scikit-learn and scikit-image. Nothing is
downloaded. Training and validation use disjoint digits and disjoint regions
of the photographs, and one seed always gives the same bytes.

Written are, side by side for the same images, a VOC layout and COCO JSON:

    OUT/VOC2007/{JPEGImages,Annotations}/*, OUT/VOC2007/ImageSets/Main/*.txt
    OUT/annotations/instances_{train,val}.json
"""

import argparse
import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data as photographs
from sklearn.datasets import load_digits, load_sample_images

CLASSES = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')
DIGIT_SHARE = 0.75  # of each class's digits are for training
PHOTO_SHARE = 0.6  # of each photograph's width is for training
INK_LEVEL = 0.3  # opacity from which a pixel belongs to the digit's box


@dataclass(frozen=True)
class Recipe:
    """How a demo image is composed; lengths in pixels."""

    width: int = 384
    height: int = 288
    digits: tuple = (5, 9)
    size: tuple = (80, 152)
    rotation: float = 15.0
    contrast: tuple = (100, 180)


def load_photographs() -> list:
    """RGB photographs, (H, W, 3) uint8, in a fixed order."""
    bundled = [
        getattr(photographs, name)() for name in ('astronaut', 'coffee', 'chelsea', 'rocket')
    ]
    return list(load_sample_images().images) + bundled


def split_sources(split: str) -> tuple:
    """Digits (N, 8, 8) in [0, 1], their labels, and photo regions."""
    bunch = load_digits()
    chosen = np.zeros(len(bunch.target), bool)
    for label in range(10):
        places = np.flatnonzero(bunch.target == label)
        chosen[places[: int(len(places) * DIGIT_SHARE)]] = True
    if split == 'val':
        chosen = ~chosen
    regions = []
    for photo in load_photographs():
        cut = int(photo.shape[1] * PHOTO_SHARE)
        regions.append(photo[:, :cut] if split == 'train' else photo[:, cut:])
    return bunch.images[chosen] / 16.0, bunch.target[chosen], regions


def background(rng, regions: list, recipe: Recipe) -> np.ndarray:
    """A random crop of a random region, resized to the image's size."""
    photo = regions[rng.integers(len(regions))]
    aspect = recipe.width / recipe.height
    limit = min(photo.shape[1], photo.shape[0] * aspect)
    width = rng.uniform(0.6, 1.0) * limit
    height = width / aspect
    left = int(rng.uniform(0, photo.shape[1] - width))
    top = int(rng.uniform(0, photo.shape[0] - height))
    crop = photo[top : top + int(height), left : left + int(width)]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return cv2.resize(crop, (recipe.width, recipe.height), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )


def ink_mask(rng, digit: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The digit enlarged and rotated: opacity in [0, 1], cropped tightly."""
    size = int(rng.integers(*recipe.size))
    big = cv2.resize(
        np.pad(digit, 2).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(-1, 1) * recipe.rotation, 1.0)
    mask = cv2.warpAffine(big, turn, (size, size)).clip(0, 1)
    ys, xs = np.nonzero(mask > INK_LEVEL)
    return mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def draw_ink(rng, image: np.ndarray, mask: np.ndarray, box: tuple, recipe: Recipe) -> None:
    """Blend a tinted digit into ``image``, lighter or darker than the spot."""
    x1, y1, x2, y2 = box
    spot = image[y1:y2, x1:x2]
    mean = spot.mean()
    contrast = rng.uniform(*recipe.contrast)
    level = mean + contrast if mean + contrast < 255 else mean - contrast
    color = np.clip(level + rng.uniform(-30, 30, 3), 0, 255)
    alpha = mask[..., None]
    image[y1:y2, x1:x2] = spot * (1 - alpha) + color * alpha


def free_spot(rng, mask: np.ndarray, boxes: list, recipe: Recipe):
    """A box (x1, y1, x2, y2) that touches no other, or None."""
    height, width = mask.shape
    for _ in range(30):
        x1 = int(rng.integers(0, recipe.width - width))
        y1 = int(rng.integers(0, recipe.height - height))
        box = (x1, y1, x1 + width, y1 + height)
        if all(box[2] <= b[0] or b[2] <= box[0] or box[3] <= b[1] or b[3] <= box[1] for b in boxes):
            return box
    return None


def compose(rng, sources: tuple, recipe: Recipe) -> tuple:
    """One image (H, W, 3) uint8 with boxes [(x1, y1, x2, y2)] and labels."""
    digits, targets, regions = sources
    image = background(rng, regions, recipe)
    boxes, labels = [], []
    for _ in range(int(rng.integers(recipe.digits[0], recipe.digits[1] + 1))):
        pick = int(rng.integers(len(digits)))
        mask = ink_mask(rng, digits[pick], recipe)
        box = free_spot(rng, mask, boxes, recipe)
        if box is None:
            continue
        draw_ink(rng, image, mask, box, recipe)
        boxes.append(box)
        labels.append(int(targets[pick]))
    return image.round().astype(np.uint8), boxes, labels


def write_xml(path: Path, name: str, boxes: list, labels: list, recipe: Recipe) -> None:
    """VOC annotation; pixel coordinates count from 1."""
    root = ET.Element('annotation')
    ET.SubElement(root, 'filename').text = f'{name}.jpg'
    size = ET.SubElement(root, 'size')
    for key, value in (('width', recipe.width), ('height', recipe.height), ('depth', 3)):
        ET.SubElement(size, key).text = str(value)
    for box, label in zip(boxes, labels, strict=True):
        obj = ET.SubElement(root, 'object')
        ET.SubElement(obj, 'name').text = CLASSES[label]
        ET.SubElement(obj, 'difficult').text = '0'
        corners = ET.SubElement(obj, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True):
            ET.SubElement(corners, key).text = str(value + 1)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding='unicode')


def coco_json(records: list, recipe: Recipe) -> dict:
    """COCO annotations for records (name, boxes, labels)."""
    images, annotations = [], []
    for image_id, (name, boxes, labels) in enumerate(records, 1):
        images.append(
            dict(id=image_id, file_name=f'{name}.jpg', width=recipe.width, height=recipe.height)
        )
        for (x1, y1, x2, y2), label in zip(boxes, labels, strict=True):
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image_id,
                    category_id=label + 1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1),
                    iscrowd=0,
                )
            )
    categories = [dict(id=i, name=n) for i, n in enumerate(CLASSES, 1)]
    return dict(images=images, annotations=annotations, categories=categories)


def write_split(out: Path, split: str, count: int, seed: int, recipe: Recipe) -> int:
    """Write one split in both formats; returns the number of boxes."""
    rng = np.random.default_rng([seed, split == 'val'])
    sources = split_sources(split)
    voc = out / 'VOC2007'
    records = []
    for index in range(count):
        image, boxes, labels = compose(rng, sources, recipe)
        name = f'{split}_{index:04d}'
        cv2.imwrite(
            str(voc / 'JPEGImages' / f'{name}.jpg'),
            image[..., ::-1],
            [cv2.IMWRITE_JPEG_QUALITY, 92],
        )
        write_xml(voc / 'Annotations' / f'{name}.xml', name, boxes, labels, recipe)
        records.append((name, boxes, labels))
    names = ''.join(f'{name}\n' for name, _, _ in records)
    (voc / 'ImageSets/Main' / f'{split}.txt').write_text(names)
    (out / 'annotations' / f'instances_{split}.json').write_text(
        json.dumps(coco_json(records, recipe))
    )
    return sum(len(boxes) for _, boxes, _ in records)


def make(out: Path, train: int, val: int, seed: int, recipe: Recipe = Recipe()) -> dict:
    """Write the whole data set; a killed run leaves no finished folder."""
    part = out.with_name(out.name + '.part')
    shutil.rmtree(part, ignore_errors=True)
    for folder in (
        'VOC2007/JPEGImages',
        'VOC2007/Annotations',
        'VOC2007/ImageSets/Main',
        'annotations',
    ):
        (part / folder).mkdir(parents=True)
    boxes = {
        split: write_split(part, split, count, seed, recipe)
        for split, count in (('train', train), ('val', val))
    }
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return boxes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('data/demo_digits'))
    parser.add_argument('--train', type=int, default=288, help='images')
    parser.add_argument('--val', type=int, default=60, help='images')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    if args.train < 1 or args.val < 1 or args.seed < 0:
        parser.error(
            '--train and --val must be >= 1, --seed >= 0: for example --train 288 --val 60 --seed 0'
        )
    if args.out.exists() and not (args.out / 'annotations').is_dir():
        parser.error(f'{args.out} exists and is not demo data; choose another --out')
    boxes = make(args.out, args.train, args.val, args.seed)
    print(
        f'{args.out}: {args.train} train images ({boxes["train"]} digits), '
        f'{args.val} val images ({boxes["val"]} digits)'
    )


if __name__ == '__main__':
    main()
