"""Mends the pointer that a resume follows."""

import re
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from ...registry import HOOKS
from ..atomic_backend import AtomicLocalBackend


@HOOKS.register_module()
class LastCheckpointHook(Hook):
    """Points ``last_checkpoint`` at the newest checkpoint if it is broken or
    missing.

    MMEngine empties and writes this file in place, and removes an old
    checkpoint before it saves the next: a process killed, or a disk full, in
    between leaves a pointer to nothing, and ``--resume`` would fail.

    Raises:
        ValueError: If there is no checkpoint to point at.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner) -> None:
        """Called before the checkpoint is loaded."""
        if not runner._resume or runner._load_from:
            return
        if is_main_process():
            self._mend(runner, Path(runner.work_dir, 'last_checkpoint'))
        barrier()

    @staticmethod
    def _mend(runner, pointer: Path) -> None:
        named = pointer.read_text().strip() if pointer.exists() else ''
        if '://' in named or (named and Path(named).is_file()):
            return
        found = [
            file
            for file in pointer.parent.glob('*.pth')
            if re.fullmatch(r'(epoch|iter)_\d+', file.stem)
        ]
        if not found and not pointer.exists():
            return  # nothing to resume: MMEngine starts from the beginning
        if not found:
            raise ValueError(
                f'{pointer} names {named!r}, which is no file, and there is '
                'no other checkpoint. Start again without --resume, or name '
                'one: --resume work_dirs/<run>/epoch_N.pth'
            )
        newest = max(found, key=lambda file: int(file.stem.split('_')[1]))
        AtomicLocalBackend().put(str(newest).encode(), pointer)
        runner.logger.warning(
            f'{pointer} named {named!r}, which is no file: resuming from {newest}'
        )
