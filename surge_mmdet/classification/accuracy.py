"""Top-k accuracy."""

from typing import Union

import torch
from mmengine.evaluator import BaseMetric

from ..registry import METRICS


@METRICS.register_module()
class Accuracy(BaseMetric):
    """Share of images, in percent, whose class is among the k best scores.

    Args:
        topk (int | Sequence[int]): One or several k.
        **kwargs: As MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If there are fewer classes than k.
    """

    default_prefix = 'accuracy'

    def __init__(self, topk: Union[int, tuple] = (1,), **kwargs) -> None:
        super().__init__(**kwargs)
        self.topk = (topk,) if isinstance(topk, int) else tuple(topk)

    def process(self, data_batch, data_samples: list) -> None:
        """Keep the rank of each image's own class; 0 is the best."""
        for sample in data_samples:
            score = sample['pred_score']
            if len(score) < max(self.topk):
                raise ValueError(
                    f'Accuracy: topk={self.topk}, but there are '
                    f'{len(score)} classes. Write val_evaluator=dict('
                    f"type='Accuracy', topk=(1, ))."
                )
            own = score[sample['gt_label']]
            # NaN scores rank last: nothing compares with them.
            self.results.append(len(score) - int((score < own).sum()) - 1)

    def compute_metrics(self, results: list) -> dict:
        """``top1``, ``top5``, ... in percent."""
        ranks = torch.tensor(results)
        return {f'top{k}': (ranks < k).double().mean().item() * 100 for k in self.topk}
