"""Whether the images are there and can be read, and how large they are."""

import os
import os.path as osp
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from .annotations import Photo
from .repairs import repair_of
from .sources import Source

ORIENTATION = 274  # EXIF tag; from 5 on it swaps width and height
# What Pillow and the training's decoder both read; up to OpenCV's limit.
COMMON = ('BMP', 'JPEG', 'MPO', 'PNG', 'TIFF', 'WEBP')
MOST_PIXELS = 2**30
CUT_OFF = 'truncated'  # in Pillow's words; OpenCV fills the rest with grey


def check_images(source: Source, open_images: bool) -> list:
    """Per photo the (width, height) that mmdet will see, or None."""
    if not osp.isdir(source.image_folder):
        source.found.add('missing', repair_of(source, source.image_folder))
        return [photo.size for photo in source.photos]
    if not open_images:
        return [_exists(source, photo) for photo in source.photos]
    # Pillow refuses large images as an attack; training reads them.
    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(open_image, source.photos))
    finally:
        Image.MAX_IMAGE_PIXELS = guard
    return [
        _opened(source, photo, result) for photo, result in zip(source.photos, results, strict=True)
    ]


def open_image(photo: Photo) -> tuple | str | None:
    """(width, height, turned) of the image, or what is wrong with it."""
    try:
        with Image.open(photo.path) as image:
            size = image.size
            if image.format in COMMON and size[0] * size[1] < MOST_PIXELS:
                turn = image.getexif().get(ORIENTATION, 1)
                # Decodes JPEG at 1/8: quick, and finds a file that was cut off.
                image.draft('L', (size[0] // 8, size[1] // 8))
                image.load()
                return (*(size[::-1] if turn >= 5 else size), turn > 1)
            why = f'{image.format} of {size[0]}x{size[1]}: OpenCV cannot read it'
    except FileNotFoundError:
        return None
    except Exception as error:  # Pillow's plugins raise anything on broken files
        why = str(error).replace(photo.path, photo.name) or type(error).__name__
    return why if CUT_OFF in why else open_as_training(photo.path) or why


def open_as_training(path: str) -> tuple | None:
    """As :func:`open_image`, by the decoder of LoadImageFromFile; None if it cannot."""
    import cv2
    import mmcv

    try:
        with open(path, 'rb') as file:
            image = mmcv.imfrombytes(file.read())
    except (OSError, ValueError, cv2.error):
        return None
    return None if image is None else (image.shape[1], image.shape[0], False)


def _opened(source: Source, photo: Photo, result: tuple | str | None) -> tuple | None:
    if result is None:
        return _exists(source, photo)
    if isinstance(result, str):
        source.found.add('broken_image', f'{photo.name}: {result}')
        return photo.size
    width, height, turned = result
    if turned:
        source.found.add('turned', photo.name)
    if photo.size not in (None, (width, height)):
        source.found.add(
            'size', f'{photo.name}: {by(photo.size)}, but the image has {width}x{height}'
        )
    return width, height


def _exists(source: Source, photo: Photo) -> tuple | None:
    if not osp.isfile(photo.path):
        stem = osp.splitext(photo.path)[0]
        other = [stem + suffix for suffix in ('.jpeg', '.JPG', '.png') if osp.isfile(stem + suffix)]
        hint = f' (there is {osp.basename(other[0])}: mmdet reads .jpg here)' if other else ''
        source.found.add('no_image', source.inside(photo.path) + hint)
    return photo.size


def by(size: tuple) -> str:
    """A size in words.

    Examples:
        >>> by((640.0, 480))
        '640x480'
    """
    return 'x'.join(f'{value:g}' for value in size)
