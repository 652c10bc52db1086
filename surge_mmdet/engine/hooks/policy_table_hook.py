"""Prints which layers are binary, before anything runs."""
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ...models import policy_table
from ...registry import HOOKS


def bare_model(runner):
    """The detector itself, without a DDP wrapper."""
    model = runner.model
    return model.module if is_model_wrapper(model) else model


@HOOKS.register_module()
class PolicyTableHook(Hook):
    """Logs the policy table (layer, bits, real reason) before a run."""

    def before_run(self, runner) -> None:
        """Log the table once."""
        table = policy_table(bare_model(runner))
        runner.logger.info(f'Binary policy\n{table}')
