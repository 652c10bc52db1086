"""What happens to an image in front of the network: from a config to a recipe, and to nodes."""

import numpy as np
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from torch import nn

from .graph import Graph

PASSED = ('LoadImageFromFile', 'LoadAnnotations', 'PackDetInputs')


def recipe_of(cfg: Config, model: nn.Module) -> dict:
    """The test pipeline and the preprocessor of a detector as plain data.

    Returns:
        dict: ``scale`` (width, height), ``keep_ratio``; ``square`` whether the
        image is filled up to its longer side or to ``scale``, with ``fill``;
        ``mean``, ``std``, ``bgr_to_rgb``; ``divisor`` of the sides that the
        graph pads to; ``fixed`` (height, width) or None.

    Raises:
        ValueError: If the pipeline has a step that is not known, or the
            preprocessor another padding; the text names it.
    """
    found = dict(scale=None, keep_ratio=False, pad_to=None, square=False, fill=[0.0, 0.0, 0.0])
    for step in get_test_pipeline_cfg(cfg):
        _add_step(found, dict(step))
    if found['scale'] is None:
        raise ValueError(
            "the test pipeline has no dict(type='Resize', scale=(W, H)), so the size of images is "
            'not known; a recipe cannot be written'
        )
    pre = model.data_preprocessor
    _check_padding(pre)
    if not getattr(pre, '_enable_normalize', False):
        mean, std = [0.0] * 3, [1.0] * 3
    else:
        mean, std = (getattr(pre, name).flatten().tolist() for name in ('mean', 'std'))
    head = getattr(model, 'bbox_head', None)
    side = getattr(getattr(head, 'prior_generator', None), 'input_size', None)
    found['fixed'] = None if side is None else [side, side]
    swapped = bool(getattr(pre, '_channel_conversion', False))
    return dict(found, mean=mean, std=std, bgr_to_rgb=swapped, divisor=int(pre.pad_size_divisor))


def _check_padding(pre: nn.Module) -> None:
    if pre.pad_size_divisor > 1 and pre.pad_value != 0:
        raise ValueError(
            f'data_preprocessor.pad_value={pre.pad_value} cannot be exported: the graph pads with '
            '0. Write pad_value=0'
        )


def _add_step(found: dict, step: dict) -> None:
    kind = str(step.pop('type')).rpartition('.')[2]
    if kind in PASSED:
        return
    if kind == 'Resize' and set(step) <= {'scale', 'keep_ratio'}:
        scale = step['scale']
        scale = [scale, scale] if isinstance(scale, int) else list(scale)
        found.update(scale=scale, keep_ratio=bool(step.get('keep_ratio', False)))
        return
    if kind == 'Pad' and set(step) <= {'pad_to_square', 'pad_val', 'size'}:
        fill = step.get('pad_val', 0)
        fill = fill.get('img', 0) if isinstance(fill, dict) else fill
        fill = [float(v) for v in (fill if isinstance(fill, (tuple, list)) else [fill] * 3)]
        size = step.get('size')
        found.update(
            square=bool(step.get('pad_to_square')), fill=fill, pad_to=list(size) if size else None
        )
        return
    raise ValueError(
        f'{dict(type=kind, **step)} of the test pipeline cannot be exported. Exported are Resize '
        'with scale and keep_ratio, and Pad with pad_to_square or size'
    )


def prepared(g: Graph, image: str, recipe: dict) -> tuple:
    """(H, W, 3) uint8, BGR, to (1, 3, h, w) as the network takes it, and its scale.

    Returns:
        tuple[str, str]: The image, and (1, 4) float32 by which boxes are divided.
    """
    wide = g('Cast', g('Transpose', image, perm=[2, 0, 1]), to=1)  # FLOAT
    wide = g('Unsqueeze', wide, np.int64([0]))
    old = g('Shape', image, start=0, end=2)
    new = _new_size(g, old, recipe)
    sizes = g('Concat', np.int64([1, 3]), new, axis=0)
    mode = dict(mode='linear', coordinate_transformation_mode='half_pixel')
    wide = g('Resize', wide, '', '', sizes, **mode)
    wide = g('Floor', g('Add', wide, np.float32(0.5)))  # as OpenCV; Round goes to even numbers
    scale = g('Div', g('Cast', new, to=1), g('Cast', old, to=1))
    scale = g('Gather', scale, np.int64([1, 0, 1, 0]))  # of x, y, x, y
    return _normalized(g, _filled(g, wide, new, recipe), recipe), g(
        'Unsqueeze', scale, np.int64([0])
    )


def _new_size(g: Graph, old: str, recipe: dict) -> str:
    """As mmcv's ``rescale_size``, (2, ) int64."""
    width, height = recipe['scale']
    if not recipe['keep_ratio']:
        return g('Identity', np.int64([height, width]))
    sides = g('Cast', old, to=11)  # DOUBLE
    # A number over a value would come out inverted in OpenVINO (2026.4): both are values here.
    zero = g('Sub', sides, sides)
    factors = (
        g('Div', g('Add', zero, np.float64(most)), g(op, sides, keepdims=0))
        for most, op in ((max(width, height), 'ReduceMax'), (min(width, height), 'ReduceMin'))
    )
    sides = g('Mul', sides, g('Min', *factors))
    sides = g('Floor', g('Add', sides, np.float64(0.5)))
    return g('Cast', g('Max', sides, np.float64(1)), to=7)  # INT64


def _filled(g: Graph, wide: str, size: str, recipe: dict) -> str:
    """Right and bottom filled up as the pipeline's ``Pad``."""
    if not recipe['square'] and not recipe['pad_to']:
        return wide
    if recipe['square']:
        whole = g('Expand', g('ReduceMax', size, keepdims=1), np.int64([2]))
    else:
        whole = g('Identity', np.int64(recipe['pad_to'][::-1]))
    return padded(g, wide, g('Sub', whole, size), recipe['fill'])


def padded(g: Graph, wide: str, more: str, fill: list) -> str:
    """(1, 3, h, w) with ``more`` rows and columns, (2, ) int64, of one value."""
    if len(set(fill)) > 1:
        raise ValueError(
            f'Pad with {fill} of the test pipeline cannot be exported. Write one value: '
            f'pad_val=dict(img={fill[0]})'
        )
    ends = g('Concat', np.int64([0, 0, 0, 0, 0, 0]), more, axis=0)
    return g('Pad', wide, ends, np.float32(fill[0]), mode='constant')


def _normalized(g: Graph, wide: str, recipe: dict) -> str:
    if recipe['bgr_to_rgb']:
        wide = g('Gather', wide, np.int64([2, 1, 0]), axis=1)
    mean, std = (np.float32(recipe[name]).reshape(1, 3, 1, 1) for name in ('mean', 'std'))
    return g('Div', g('Sub', wide, mean), std)
