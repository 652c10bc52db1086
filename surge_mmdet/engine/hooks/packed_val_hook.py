"""What the packed detector reaches, at the end of its training."""

import json
from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import find_latest_checkpoint

from ...deploy import load_packed
from ...deploy.publish import publish
from ...registry import HOOKS
from ...whole_files import write_whole

PACKED = 'packed.safetensors'  # the detector
REACHED = 'packed_val.json'  # what it reaches


@HOOKS.register_module()
class PackedValHook(Hook):
    """Packs the trained detector and validates what is in the file, on the CPU.

    After the last epoch the last checkpoint is packed, as ``publish_model.py``
    does it, into ``packed.safetensors`` of the work folder. What is loaded
    from there is validated with the data and the evaluator of the training;
    the log has its metrics, and ``packed_val.json`` has ``metrics``, ``bytes``
    of the file and ``kept``, the binary layers that could not be packed, to
    the reason. The training itself is not changed by it.

    A detector that cannot be packed does not make its training fail: the log
    and ``why`` in ``packed_val.json`` tell the reason.

    Raises:
        ValueError: Before the training, if it has no validation or leaves no
            checkpoint; the text shows the corrected line.
    """

    priority = 'LOWEST'  # behind what writes the last checkpoint

    def before_train(self, runner) -> None:
        """Refuse what it could do nothing after; remove what an earlier end has left."""
        if runner.val_loop is None:
            raise ValueError(
                'PackedValHook validates the packed detector, and this training has no '
                "val_dataloader. Write custom_hooks without dict(type='surge_mmdet.PackedValHook')"
            )
        if not any(isinstance(hook, CheckpointHook) for hook in runner.hooks):
            raise ValueError(
                'PackedValHook packs the last checkpoint, and nothing writes one. Write '
                "default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1))"
            )
        if is_main_process():
            for name in (PACKED, REACHED):
                Path(runner.work_dir, name).unlink(missing_ok=True)

    def after_train(self, runner) -> None:
        """Pack on one rank, validate on all of them."""
        path = Path(runner.work_dir, PACKED)
        told = [_pack(runner.work_dir, path) if is_main_process() else None]
        broadcast_object_list(told)
        (found,) = told
        if 'why' in found:
            runner.logger.warning(f'The detector cannot be packed: {found["why"]}')
        else:
            loop = runner.val_loop
            found['metrics'] = validate(load_packed(path), loop.dataloader, loop.evaluator)
            reached = ', '.join(f'{key}: {value:.4f}' for key, value in found['metrics'].items())
            runner.logger.info(f'Packed into {path} ({found["bytes"] / 1e6:.2f} MB): {reached}')
        if is_main_process():
            write_whole(Path(runner.work_dir, REACHED), json.dumps(found, indent=1).encode())


def _pack(folder: str, path: Path) -> dict:
    """``bytes`` and ``kept`` of the packed file, or ``why`` there is none."""
    try:
        published = publish(find_latest_checkpoint(folder), path)
    except ValueError as error:
        return dict(why=str(error))
    return dict(bytes=published.sizes['packed'], kept=published.kept)


@torch.no_grad()
def validate(model, dataloader, evaluator) -> dict:
    """Metrics of a model, as the validation of a training takes them.

    Args:
        model (BaseModel): In eval mode.
        dataloader (DataLoader): Of the validation.
        evaluator (Evaluator): Its metrics.

    Returns:
        dict: Name of a metric to its value.
    """
    for batch in dataloader:
        evaluator.process(data_samples=model.val_step(batch), data_batch=batch)
    return evaluator.evaluate(len(dataloader.dataset))
