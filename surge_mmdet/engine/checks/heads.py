"""Do the heads of the model have as many classes as the data?"""

from torch import nn


def check_heads(model: nn.Module, classes: tuple) -> None:
    """Compare every ``num_classes`` of a model with the data.

    Raises:
        ValueError: If they disagree; the text shows the corrected option.
    """
    for name, head in model.named_modules():
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
