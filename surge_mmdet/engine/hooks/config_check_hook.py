"""Catches disagreement between data and model before the first iteration."""
from mmengine.hooks import Hook

from ...registry import HOOKS
from .policy_table_hook import bare_model


@HOOKS.register_module()
class ConfigCheckHook(Hook):
    """Compares the classes of the data with ``num_classes`` of the heads.

    Raises:
        ValueError: If they disagree; the text shows the corrected option.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        self._check(runner, runner.train_dataloader)

    def before_val(self, runner) -> None:
        self._check(runner, runner.val_dataloader)

    def before_test(self, runner) -> None:
        self._check(runner, runner.test_dataloader)

    def _check(self, runner, dataloader) -> None:
        metainfo = getattr(dataloader.dataset, 'metainfo', None) or {}
        classes = metainfo.get('classes')
        if classes is None:
            return
        for name, head in bare_model(runner).named_modules():
            count = getattr(head, 'num_classes', None)
            # mmcv's VGG writes -1 for a backbone without classifier.
            if count in (None, -1) or 'rpn_head' in name:
                continue
            if count != len(classes):
                raise ValueError(
                    f'{name}.num_classes is {count}, but the data has '
                    f'{len(classes)} classes {tuple(classes)}. Write '
                    f'--cfg-options model.{name}.num_classes={len(classes)}'
                    ', or correct metainfo=dict(classes=...) of the data.')
