"""An image from bytes that a stranger sent."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP')
MOST_PIXELS = 25_000_000
MOST_MEGAPIXELS = 178  # that may be allowed: Pillow itself refuses more


class TooLarge(ValueError):
    """More bytes or pixels than are taken."""


def decode(content: bytes, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """An image as :func:`images.read_image` gives it: (H, W, 3) uint8, BGR.

    Its size is read before its pixels, so that a small file of a huge image
    costs nothing. The same reader then decodes the whole of it: what OpenCV
    would see of a file that both read differently does not matter.

    Args:
        content (bytes): Of a file of one of :data:`FORMATS`.
        most_pixels (int): Height times width.

    Raises:
        TooLarge: If it has more pixels.
        ValueError: If it is no such file, or not a whole one.
    """
    if not content:
        raise ValueError('the file is empty. Choose an image')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # Pillow's own limit only warns where ours refuses
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check(image.size, most_pixels)
                return _pixels(image)
    except TooLarge:
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(f'this image has more than {_millions(most_pixels)} pixels') from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(
            f'this file is no image of a kind that is read here ({", ".join(FORMATS)}). Save it as '
            'PNG or JPEG'
        ) from error
    except Exception as error:  # a damaged file makes decoders raise whatever they like
        raise ValueError(
            'this image is damaged or was cut off. Open it in another program and save it again'
        ) from error


def _check(size: tuple, most_pixels: int) -> None:
    width, height = size
    if width * height > most_pixels:
        raise TooLarge(
            f'this image has {width}x{height} pixels, more than {_millions(most_pixels)}. Make it '
            'smaller'
        )


def _millions(pixels: int) -> str:
    return f'{pixels / 1e6:g} million'


def _pixels(image: Image.Image) -> np.ndarray:
    image.load()  # a file that was cut off fails here
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith('I'):  # 16 bits
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.mode in ('RGBA', 'LA', 'PA'):  # transparency is dropped, as OpenCV does
        image = image.convert('RGBA')
    return np.ascontiguousarray(np.asarray(image.convert('RGB'))[..., ::-1])
