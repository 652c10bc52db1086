"""The detector inside what MMEngine wraps around it."""

from mmengine.model import BaseTTAModel, is_model_wrapper


def bare_model(runner):
    """The detector itself, without wrappers (DDP, ``test.py --tta``)."""
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model
