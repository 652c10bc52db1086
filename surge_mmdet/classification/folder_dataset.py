"""Images sorted into one folder per class."""

import os.path as osp
from pathlib import Path
from typing import Optional

from mmengine.dataset import BaseDataset

from ..registry import DATASETS

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')


@DATASETS.register_module()
class CustomDataset(BaseDataset):
    """``data_root/data_prefix/<class>/**/<image>``, classes in sorted order.

    Args:
        data_root (str): Folder of the data set.
        data_prefix (str): Folder of the split in it.
        metainfo (dict | None): ``dict(classes=(...))``, to insist on them.
        **kwargs: As MMEngine's ``BaseDataset``.

    Raises:
        FileNotFoundError: If the folder is missing or holds no image.
        ValueError: If ``metainfo`` names other classes than the folders.
    """

    def __init__(
        self, data_root: str = '', data_prefix: str = '', metainfo: Optional[dict] = None, **kwargs
    ) -> None:
        super().__init__(
            data_root=data_root, metainfo=metainfo, data_prefix=dict(img_path=data_prefix), **kwargs
        )

    def load_data_list(self) -> list:
        """One ``dict(img_path, gt_label)`` per image."""
        folder = Path(self.data_prefix['img_path'])
        if not folder.is_dir():
            raise FileNotFoundError(self._remedy(f'{folder} does not exist'))
        classes = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir()))
        self._set_classes(folder, classes)
        images = [
            dict(img_path=str(path), gt_label=label)
            for label, name in enumerate(classes)
            for path in sorted((folder / name).rglob('*'))
            if path.suffix.lower() in EXTENSIONS
        ]
        if not images:
            raise FileNotFoundError(self._remedy(f'{folder} has no image'))
        return images

    def _set_classes(self, folder: Path, classes: tuple) -> None:
        wanted = self._metainfo.setdefault('classes', classes)
        if tuple(wanted) != classes:
            raise ValueError(
                f'{folder} has the class folders {classes}, not '
                f'{tuple(wanted)}. Write metainfo=dict(classes={classes}).'
            )

    def _remedy(self, problem: str) -> str:
        split = osp.relpath(self.data_prefix['img_path'], self.data_root or '.')
        return (
            f'{problem} (data_root={self.data_root!r}). It has to hold '
            f'{split}/<class>/<image>.jpg. Set the environment variable '
            'of the config (IMAGENET_ROOT or CROPS_ROOT), or write '
            '--cfg-options '
            'train_dataloader.dataset.data_root=<folder> '
            'val_dataloader.dataset.data_root=<folder>'
        )
