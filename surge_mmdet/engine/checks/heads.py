"""Do the heads of the model have as many classes as the data?"""

from torch import nn

from ...datasets.class_order import head_problem


def check_heads(model: nn.Module, classes: tuple) -> None:
    """Compare every ``num_classes`` of a model with the data.

    Raises:
        ValueError: If they disagree; the text shows the corrected option.
    """
    for name, head in model.named_modules():
        problem = head_problem(name, getattr(head, 'num_classes', None), tuple(classes))
        if problem:
            raise ValueError(problem)
