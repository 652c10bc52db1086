"""Mends the pointer that a resume follows."""
from pathlib import Path

from mmengine.hooks import Hook

from ...registry import HOOKS
from ..atomic_backend import AtomicLocalBackend


@HOOKS.register_module()
class LastCheckpointHook(Hook):
    """Points ``last_checkpoint`` at the newest checkpoint if it is broken.

    MMEngine empties and writes this file in place, and removes an old
    checkpoint before it saves the next: a process killed, or a disk full, in
    between leaves a pointer to nothing, and ``--resume`` would fail.

    Raises:
        ValueError: If there is no checkpoint to point at.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner) -> None:
        """Called before the checkpoint is loaded."""
        pointer = Path(runner.work_dir, 'last_checkpoint')
        if not runner._resume or runner._load_from or not pointer.exists():
            return
        named = pointer.read_text().strip()
        if named and Path(named).is_file():
            return
        found = [*pointer.parent.glob('epoch_*.pth'),
                 *pointer.parent.glob('iter_*.pth')]
        if not found:
            raise ValueError(
                f'{pointer} names {named!r}, which is no file, and there is '
                'no other checkpoint. Start again without --resume, or name '
                'one: --resume work_dirs/<run>/epoch_N.pth')
        newest = max(found, key=lambda path: path.stat().st_mtime_ns)
        AtomicLocalBackend().put(str(newest).encode(), pointer)
        runner.logger.warning(f'{pointer} named {named!r}, which is no file: '
                              f'resuming from {newest}')
