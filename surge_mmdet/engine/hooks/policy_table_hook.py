"""Prints which layers are binary, before anything runs."""

from mmengine.hooks import Hook

from ...convert import policy_table
from ...registry import HOOKS
from ..bare_model import bare_model


@HOOKS.register_module()
class PolicyTableHook(Hook):
    """Logs the policy table (layer, bits, real reason) before a run."""

    def before_run(self, runner) -> None:
        """Log the table once."""
        table = policy_table(bare_model(runner))
        runner.logger.info(f'Binary policy\n{table}')
