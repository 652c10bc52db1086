"""Handwritten digits, 8x8 pixels (Alpaydin & Kaynak, UCI), from scikit-learn's own files."""

from functools import lru_cache

import torch
from torch import Tensor

CLASSES = 10
TRAIN, HELD_OUT = 800, 200  # of 1,797; the rest is for testing


@lru_cache(maxsize=1)
def _all_digits() -> tuple:
    from sklearn.datasets import load_digits  # comes with the demo data's requirements

    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8)[order]
    return (images - images.mean()) / images.std(), torch.tensor(labels)[order]


def split(part: str) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8) and labels (N,) of ``'train'``, ``'held out'`` or ``'test'``.

    The split is the same for everyone. Rates are chosen on what is held out
    of the training images, so that nothing is tuned on the test images.
    """
    bounds = {
        'train': slice(0, TRAIN),
        'held out': slice(TRAIN, TRAIN + HELD_OUT),
        'test': slice(TRAIN + HELD_OUT, None),
    }
    images, labels = _all_digits()
    return images[bounds[part]], labels[bounds[part]]
