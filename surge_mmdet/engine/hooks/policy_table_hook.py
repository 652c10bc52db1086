"""Prints which layers are binary, before anything runs."""

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper

from ...models import policy_table
from ...registry import HOOKS


def bare_model(runner):
    """The detector itself, without wrappers (DDP, ``test.py --tta``)."""
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


@HOOKS.register_module()
class PolicyTableHook(Hook):
    """Logs the policy table (layer, bits, real reason) before a run."""

    def before_run(self, runner) -> None:
        """Log the table once."""
        table = policy_table(bare_model(runner))
        runner.logger.info(f'Binary policy\n{table}')
