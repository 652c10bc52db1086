"""Do the heads of the model have as many classes as the data?"""

from torch import nn

from ...datasets.class_order import head_problem
from ...datasets.inspection import class_counts


def check_heads(model: nn.Module, classes: tuple) -> None:
    """Compare every ``num_classes`` of a model with the data.

    Raises:
        ValueError: If they disagree; the text shows the corrected option.
    """
    for name, head in model.named_modules():
        problem = head_problem(name, getattr(head, 'num_classes', None), tuple(classes))
        if problem:
            raise ValueError(problem)


def check_configured_heads(model: object, classes: tuple) -> None:
    """Compare every ``num_classes`` of a model's config with the data.

    Raises:
        ValueError: As :func:`check_heads`.
    """
    for name, count in class_counts(model):
        problem = head_problem(name, count, tuple(classes))
        if problem:
            raise ValueError(problem)
