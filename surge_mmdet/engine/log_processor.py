"""Console lines that a person can read."""

import re

from mmengine.runner import LogProcessor

from ..registry import LOG_PROCESSORS


@LOG_PROCESSORS.register_module()
class SurgeLogProcessor(LogProcessor):
    """Keeps statistics of stages and layers out of the console line.

    They still reach the JSON log and TensorBoard, under ``surge.`` and
    ``binary.``.
    """

    def get_log_after_iter(self, runner, batch_idx: int, mode: str) -> tuple:
        """As MMEngine's, the text without these entries."""
        tag, text = super().get_log_after_iter(runner, batch_idx, mode)
        return tag, re.sub(r'\s*(surge|binary)\.\S+: \S+', '', text)
