"""Catches disagreement between data and model before the first iteration."""

from mmengine.hooks import CheckpointHook, Hook

from ...registry import HOOKS
from ..bare_model import bare_model


@HOOKS.register_module()
class ConfigCheckHook(Hook):
    """Compares the classes of the data with ``num_classes`` of the heads.

    Warns of ``max_keep_ckpts=1``: MMEngine removes the old checkpoint before
    it saves the next, so that a full disk or a kill then would leave none.

    Raises:
        ValueError: If they disagree; the text shows the corrected option.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        self._check(runner, runner.train_dataloader)
        if any(
            isinstance(hook, CheckpointHook) and hook.max_keep_ckpts == 1 for hook in runner.hooks
        ):
            runner.logger.warning(
                'ConfigCheckHook: with max_keep_ckpts=1 the only checkpoint '
                'is removed before the next is saved. Write default_hooks='
                'dict(checkpoint=dict(max_keep_ckpts=2)).'
            )

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
                    ', or correct metainfo=dict(classes=...) of the data.'
                )
