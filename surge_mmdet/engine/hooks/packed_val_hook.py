"""What the packed detector reaches, at the end of its training."""

import json
import logging
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
    does it, into ``packed.safetensors`` of the work folder, which all ranks
    must see. What is loaded from there is validated with the data and the
    evaluator of the training. The log has its metrics, and
    ``packed_val.json`` has ``checkpoint``, ``bytes`` of the packed file,
    ``metrics``, and ``kept``: the binary layers that could not be packed, to
    the reason. The training itself is not changed by it.

    It never makes a training fail that has come to its end: where something
    goes wrong, the log and ``why`` in ``packed_val.json`` tell what.

    Raises:
        ValueError: Before the training, if it has no validation or leaves no
            checkpoint of its end; the text shows the corrected line.
    """

    priority = 'LOWEST'  # behind what other hooks do at the end

    def before_train(self, runner) -> None:
        """Refuse what it could do nothing after; remove what an earlier end has left."""
        if runner.val_loop is None:
            raise ValueError(
                'PackedValHook validates the packed detector, and this training has no '
                'val_dataloader. Write default_hooks without packed_val, or name a '
                'val_dataloader, a val_evaluator and val_cfg'
            )
        if not any(isinstance(hook, CheckpointHook) and hook.save_last for hook in runner.hooks):
            raise ValueError(
                'PackedValHook packs the checkpoint of the end, and nothing writes one. Write '
                "default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, "
                'save_last=True))'
            )
        if is_main_process():
            for name in (PACKED, REACHED):
                Path(runner.work_dir, name).unlink(missing_ok=True)

    def after_train(self, runner) -> None:
        """Pack on one rank, validate on all of them."""
        path = Path(runner.work_dir, PACKED)
        told = [_attempt(runner, _pack, path) if is_main_process() else None]
        broadcast_object_list(told)
        (found,) = told
        if 'why' not in found:
            found |= _attempt(runner, _reached, path, runner.val_loop)
        if not is_main_process():
            return
        write_whole(Path(runner.work_dir, REACHED), json.dumps(found, indent=1).encode())
        for name, reason in found.get('kept', {}).items():
            runner.logger.warning(f'NOT PACKED {name}: {reason}')
        level = logging.WARNING if 'why' in found else logging.INFO
        runner.logger.log(level, _summary(path, found))


def _attempt(runner, work, *args) -> dict:
    """What ``work`` finds, or ``why`` it could not: the training has ended well."""
    try:
        return work(*args)
    except Exception as error:
        if not isinstance(error, ValueError):  # whose text says everything
            runner.logger.exception('PackedValHook has failed, the training has not')
        words = str(error).replace(f'{runner.work_dir}/', '').split('\n')
        return dict(why=f'{type(error).__name__}: {words[0]}')


def _pack(path: Path) -> dict:
    latest = find_latest_checkpoint(str(path.parent))
    if latest is None:
        raise FileNotFoundError('last_checkpoint names no checkpoint')
    published = publish(latest, path)
    return dict(checkpoint=Path(latest).name, bytes=published.sizes['packed'], kept=published.kept)


def _reached(path: Path, loop) -> dict:
    metrics = validate(load_packed(path), loop.dataloader, loop.evaluator)
    return dict(metrics={name: _plain(value) for name, value in metrics.items()})


def _plain(value):
    """A metric as JSON has it: those of others may be arrays and tensors."""
    value = value.tolist() if hasattr(value, 'tolist') else value
    return value if isinstance(value, (int, float, list)) else str(value)


def _summary(path: Path, found: dict) -> str:
    if 'why' in found:
        return f'The packed detector was not validated: {found["why"]}'
    metrics = ', '.join(
        f'{name}: {value:.4f}' if isinstance(value, float) else f'{name}: {value}'
        for name, value in found['metrics'].items()
    )
    size = f'{found["bytes"] / 1e6:.2f} MB'
    return f'Packed {found["checkpoint"]} into {path} ({size}): {metrics}'


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
