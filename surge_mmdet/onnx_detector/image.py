"""Images for exported detectors: reading, resizing and normalizing with numpy alone.

OpenCV reads and resizes where it is installed. Without it Pillow reads, and
numpy resizes by the same formula.
"""

import os

import numpy as np

MOST_PIXELS = 2**27  # that Pillow reads; it refuses larger ones itself, but not by an OSError

GIF = b'GIF8'


def read_image(path) -> np.ndarray:
    """An image as OpenCV reads it: (H, W, 3) uint8, blue, green, red, turned upright.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If neither OpenCV nor Pillow is installed.
        PermissionError: If it may not be read.
        ValueError: If it cannot be decoded, is a GIF, or has too many pixels.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path} is no file. Name an image')
    refuse_gif(path)
    try:
        import cv2  # noqa: F401
    except ImportError:
        found = _read_by_pillow(path)
    else:
        found = _read_by_opencv(path)
    if found is None:
        raise ValueError(
            f'{path} is no image that can be read, or was cut off ({os.path.getsize(path)} bytes). '
            'Open it in another program and save it again, for example as PNG'
        )
    return found


def refuse_gif(path) -> None:
    """Refuse a GIF, whatever its name: some readers take its first picture, others none.

    Raises:
        ValueError: With what to do.
    """
    with open(path, 'rb') as file:
        if file.read(len(GIF)) == GIF:
            raise ValueError(
                f'{path} is no image that is read here but a GIF. Save it as PNG, or as a video'
            )


def _read_by_opencv(path):
    import cv2

    data = np.fromfile(path, np.uint8)
    if not data.size:
        return None
    try:
        return cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        if 'CV_IO_MAX_IMAGE' not in str(error):
            return None
        raise ValueError(
            f'{path} has more pixels than OpenCV reads ({error.err}). Make it smaller'
        ) from error


def _read_by_pillow(path):
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            'neither OpenCV nor Pillow is installed. Run: pip install pillow'
        ) from error
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            array = np.asarray(_of_8_bits(ImageOps.exif_transpose(image)).convert('RGB'))
    except PermissionError:  # which says so itself
        raise
    except (OSError, SyntaxError):
        return None
    except Image.DecompressionBombError as error:
        raise ValueError(
            f'{path} has more pixels than are read without OpenCV ({MOST_PIXELS}). Make it '
            'smaller, or run: pip install opencv-python-headless'
        ) from error
    return np.ascontiguousarray(array[..., ::-1])


def _of_8_bits(image):
    """A Pillow image of 16 bits by its upper 8, as OpenCV reads it; Pillow itself would clip."""
    from PIL import Image

    if not image.mode.startswith('I'):
        return image
    return Image.fromarray(np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8))


def new_size(height: int, width: int, recipe: dict) -> tuple:
    """(height, width) after resizing, as mmcv's ``rescale_size``.

    Examples:
        >>> new_size(480, 640, dict(scale=[320, 240], keep_ratio=True))
        (240, 320)
    """
    wide, high = recipe['scale']
    if not recipe['keep_ratio']:
        return high, wide
    longer, shorter = max(wide, high) / max(height, width), min(wide, high) / min(height, width)
    factor = min(longer, shorter)
    return max(int(height * factor + 0.5), 1), max(int(width * factor + 0.5), 1)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, between the centers of pixels, without smoothing; rounded to uint8."""
    if image.shape[:2] == (height, width):
        return image
    try:
        import cv2
    except ImportError:
        return resize_by_numpy(image, height, width)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def resize_by_numpy(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """:func:`resize` without OpenCV."""
    low_y, high_y, part_y = _between(image.shape[0], height)
    low_x, high_x, part_x = _between(image.shape[1], width)
    values = image.astype(np.float32)
    part_y, part_x = part_y[:, None, None], part_x[None, :, None]
    across = values[low_y] * (1 - part_y) + values[high_y] * part_y
    found = across[:, low_x] * (1 - part_x) + across[:, high_x] * part_x
    return np.floor(found + 0.5).astype(np.uint8)


def _between(old: int, new: int) -> tuple:
    """Neighbours of each new pixel's center, and the share of the second."""
    place = (np.arange(new) + 0.5) * (old / new) - 0.5
    place = np.clip(place, 0, old - 1)
    low = np.floor(place).astype(np.int64)
    return low, np.minimum(low + 1, old - 1), (place - low).astype(np.float32)


def prepare(image: np.ndarray, recipe: dict) -> tuple:
    """An image as the network takes it.

    Args:
        image (ndarray): (H, W, 3) uint8, blue, green, red.
        recipe (dict): Of an exported file.

    Returns:
        tuple: (1, 3, h, w) float32, and (4, ) float32 by which boxes are divided.
    """
    height, width = image.shape[:2]
    high, wide = new_size(height, width, recipe)
    image = filled(resize(image, high, wide), recipe)
    if recipe['bgr_to_rgb']:
        image = image[..., ::-1]
    mean, std = np.float32(recipe['mean']), np.float32(recipe['std'])
    values = (image.astype(np.float32) - mean) / std
    scale = np.float32([wide / width, high / height] * 2)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None]), scale


def filled(image: np.ndarray, recipe: dict) -> np.ndarray:
    """Right and bottom filled up as the recipe says."""
    height, width = image.shape[:2]
    if recipe['square']:
        wide = high = max(height, width)
    elif recipe['pad_to']:
        wide, high = recipe['pad_to']
    else:
        return image
    found = np.empty((high, wide, 3), np.uint8)
    found[:] = np.uint8(recipe['fill'])
    found[:height, :width] = image
    return found
