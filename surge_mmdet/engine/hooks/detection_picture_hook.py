"""A picture of what the detector finds, while it still trains."""

from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import mmcv
import numpy as np
from mmengine.dist import master_only
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from mmengine.structures import InstanceData

from ...registry import HOOKS


@HOOKS.register_module()
class DetectionPictureHook(Hook):
    """Writes a picture of some validation images after each validation.

    A row has the ground truth on the left and the detections on the right,
    with their scores in percent. The log says where the picture is and how
    much is in it.

    Args:
        images (int): Rows: the first images of the validation data.
        score_thr (float): Detections with this score or more are drawn.
        at_least (int): So many of each image, the most certain ones, are
            drawn whatever their score: early on nothing passes a threshold.
        folder (str): Below the work folder.

    Raises:
        ValueError: For no image, a threshold outside [0, 1], or a negative
            number of detections.
    """

    priority = 'LOW'

    def __init__(
        self,
        images: int = 4,
        score_thr: float = 0.3,
        at_least: int = 3,
        folder: str = 'detections',
    ) -> None:
        if images < 1 or not 0 <= score_thr <= 1 or at_least < 0:
            raise ValueError(
                f'DetectionPictureHook: images={images}, score_thr={score_thr}, '
                f"at_least={at_least}. Write dict(type='surge_mmdet.DetectionPictureHook', "
                'images=4, score_thr=0.3, at_least=3)'
            )
        self.images, self.score_thr = images, score_thr
        self.at_least, self.folder = at_least, folder
        self._samples = []

    def before_val_epoch(self, runner) -> None:
        """Forget the samples of the validation before."""
        self._samples = []

    @master_only
    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Keep the first samples with their detections."""
        missing = self.images - len(self._samples)
        self._samples += [sample.cpu() for sample in outputs[:missing]]

    @master_only
    def after_val_epoch(self, runner, metrics=None) -> None:
        """Draw what was kept, and say where it is."""
        if not self._samples:
            return
        rows = [self._draw(runner.visualizer, sample) for sample in self._samples]
        when = _when(runner)
        path = Path(runner.work_dir) / self.folder / f'{when.replace(" ", "_")}.png'
        mmcv.imwrite(stack(rows)[..., ::-1], str(path))
        runner.logger.info(f'Detections after {when}: {path} ({self._count()})')

    def _draw(self, visualizer, sample) -> np.ndarray:
        """Ground truth and detections of one image side by side, RGB."""
        sample = copy(sample)  # the metric still reads the other
        sample.pred_instances = self._chosen(sample.pred_instances)
        image = mmcv.imfrombytes(get(sample.img_path), channel_order='rgb')
        with TemporaryDirectory() as folder:  # without a file it draws into every backend
            visualizer.add_datasample(
                'detections',
                image,
                data_sample=sample,
                pred_score_thr=-1.0,  # all that were chosen
                out_file=f'{folder}/detections.png',
            )
        return visualizer.get_image()

    def _chosen(self, found: InstanceData) -> InstanceData:
        """What passes the threshold, and the most certain ones anyway."""
        passes = found.scores >= self.score_thr
        passes[found.scores.topk(min(self.at_least, len(found))).indices] = True
        return found[passes]

    def _count(self) -> str:
        scores = [sample.pred_instances.scores for sample in self._samples]
        found = sum(int((each >= self.score_thr).sum()) for each in scores)
        objects = sum(len(s.gt_instances) for s in self._samples if 'gt_instances' in s)
        return (
            f'{found} with a score of {self.score_thr} or more, and the best {self.at_least} of '
            f'each image, on {len(self._samples)} images with {objects} objects'
        )


def stack(rows: list) -> np.ndarray:
    """Pictures (h, w, 3) below each other, white beside the narrower ones."""
    width = max(row.shape[1] for row in rows)
    pads = [((0, 0), (0, width - row.shape[1]), (0, 0)) for row in rows]
    return np.concatenate(
        [np.pad(row, pad, constant_values=255) for row, pad in zip(rows, pads, strict=True)]
    )


def _when(runner) -> str:
    """'epoch 3', or 'iter 3000' of a training by iterations."""
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    return f'epoch {runner.epoch}' if by_epoch else f'iter {runner.iter}'
