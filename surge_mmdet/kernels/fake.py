"""Shapes of the compiled operators' outputs, for torch.compile and export."""

import torch


def _extent(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _pack_signs(x, threshold, groups, kernel):
    words = groups * ((x.shape[-1] // groups + 31) // 32)
    return x.new_empty((*x.shape[:-1], words), dtype=torch.int32)


def _binary_conv(bits, packed, outside, geometry, kernel, scale, *rest):
    _, outputs, _, kh, kw, sh, sw, ph, pw, dh, dw = geometry
    *_, want_out, want_signs = rest
    height = _extent(bits.shape[1], kh, sh, ph, dh)
    width = _extent(bits.shape[2], kw, sw, pw, dw)
    shape = (bits.shape[0], height, width)
    out = scale.new_empty((*shape, outputs) if want_out else (0,))
    signs = bits.new_empty((*shape, (outputs + 31) // 32) if want_signs else (0,))
    return out, signs


def _roi_align(map, rois, scale, out_height, out_width, sampling, aligned, kernel):
    return map.new_empty((rois.shape[0], out_height, out_width, map.shape[3]))


def _nms(boxes, threshold, offset, kernel):
    return boxes.new_empty((boxes.shape[0],), dtype=torch.int32)


def register() -> None:
    """Tell PyTorch, once the library that has the operators is loaded."""
    for shape in (_pack_signs, _binary_conv, _roi_align, _nms):
        torch.library.register_fake(f'surge_mmdet::{shape.__name__[1:]}', shape)
