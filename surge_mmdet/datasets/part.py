"""A fixed part of a data set, the same in every run and on every machine."""

from hashlib import sha256
from typing import Optional

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS as MMENGINE_DATASETS

from ..registry import DATASETS

LINE = "Write dict(type='surge_mmdet.DatasetPart', dataset=dict(...), share=0.8)."


@DATASETS.register_module(name='DatasetPart')
def dataset_part(
    dataset: Optional[dict] = None, share: float = 0.8, rest: bool = False
) -> BaseDataset:
    """Build a data set and keep only some of its images.

    An image belongs to the part if a hash of its ``img_id`` says so, whatever
    the order and number of the others: with ``rest=False`` and ``rest=True``
    the same data set falls into two parts without a common image.

    Args:
        dataset (dict): Config of the data set.
        share (float): About which share of the images the part has, in (0, 1).
        rest (bool): Whether the part is the other one, of about ``1 - share``.

    Returns:
        BaseDataset: The data set itself, of its own class, with fewer images.

    Raises:
        TypeError: If ``dataset`` is no config.
        ValueError: If ``share`` is not between 0 and 1, or no image is in the part.
    """
    if not isinstance(dataset, dict):
        raise TypeError(f'DatasetPart: dataset={dataset!r} is no config of a data set. {LINE}')
    if not 0 < share < 1:
        raise ValueError(f'DatasetPart: share must be between 0 and 1, got {share!r}. {LINE}')
    built = MMENGINE_DATASETS.build(dataset)
    built.full_init()
    ids = [built.get_data_info(index)['img_id'] for index in range(len(built))]
    kept = [index for index, name in enumerate(ids) if is_in_part(name, share) is not rest]
    if not kept:
        raise ValueError(
            f'DatasetPart: none of {len(ids)} images is in the part of share '
            f'{1 - share if rest else share:g}. {LINE}'
        )
    built.get_subset_(kept)
    return built


def is_in_part(img_id: object, share: float) -> bool:
    """Whether an image is in the part of this share.

    Examples:
        >>> [is_in_part(name, 0.8) for name in (1, '1', 'BloodImage_00000')]
        [True, True, True]
    """
    digest = sha256(str(img_id).encode()).digest()
    return int.from_bytes(digest[:8], 'big') < share * 2**64
