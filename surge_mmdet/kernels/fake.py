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
    return _maps(bits, (bits.shape[0], height, width, outputs), want_out, want_signs)


def _maps(like, shape, want_out, want_signs):
    words = (*shape[:3], (shape[3] + 31) // 32)
    out = like.new_empty(shape if want_out else (0,), dtype=torch.float32)
    return out, like.new_empty(words if want_signs else (0,), dtype=torch.int32)


def _sign_conv(x, weight, scale, bias, geometry, kernel):
    _, outputs, _, kh, kw, sh, sw, ph, pw, dh, dw = geometry
    height = _extent(x.shape[2], kh, sh, ph, dh)
    width = _extent(x.shape[3], kw, sw, pw, dw)
    return x.new_empty((x.shape[0], outputs, height, width))


def _add_scaled(g_b, g_a, scale):
    return torch.empty_like(g_b)


def _float_signs(x, scale):
    return torch.empty_like(x)


def _average_regions(x, rois, scale, out_height, out_width, sampling, aligned):
    return x.new_empty((rois.shape[0], x.shape[1], out_height, out_width))


def _spread_regions(grad, rois, shape, scale, sampling, aligned):
    return grad.new_empty(shape)


def _pool(map, window, *rest):
    *_, want_out, want_signs = rest
    return _maps(map, (map.shape[0], *window[6:], map.shape[3]), want_out, want_signs)


def _binary_conv_pool(bits, packed, outside, geometry, *rest):
    *_, window, _, _, _, want_out, want_signs = rest
    return _maps(bits, (bits.shape[0], *window[6:], geometry[1]), want_out, want_signs)


def _direct_conv(x, weights, *rest):
    return _binary_conv(x, weights, None, *rest)


def _direct_conv_pool(x, weights, geometry, kernel, window, *rest):
    *_, want_out, want_signs = rest
    return _maps(x, (x.shape[0], *window[6:], geometry[1]), want_out, want_signs)


def _binary_conv_project(bits, packed, outside, geometry, *rest):
    out, _ = _binary_conv(bits, packed, outside, geometry, None, None, True, False)
    return out.new_empty((*out.shape[:3], rest[-1]))


def _binary_conv_onto(bits, packed, outside, geometry, *rest):
    return _binary_conv(bits, packed, outside, geometry, None, None, True, rest[9])


def _roi_align(
    maps, rois, levels, scales, height, width, sampling, aligned, form, threshold, kernel
):
    count, channels = rois.shape[0], maps[0].shape[3]
    if form == 'signs':
        out = rois.new_empty((count, height, width, (channels + 31) // 32), dtype=torch.int32)
    elif form == 'int8':
        out = rois.new_empty((count, height * width * channels), dtype=torch.uint8)
    else:
        out = rois.new_empty((count, height, width, channels))
    return out, rois.new_empty((count if form == 'int8' else 0,))


def _quantize_rows(x, kernel):
    return x.new_empty(x.shape, dtype=torch.uint8), x.new_empty((x.shape[0],))


def _int8_linear(x, x_scale, weight, start, scale, bias, outputs, relu, kernel):
    return x_scale.new_empty((x.shape[0], outputs))


def _nms(boxes, threshold, offset, most, kernel):
    return boxes.new_empty((boxes.shape[0],), dtype=torch.int32)


MAPS = (_binary_conv, _pool, _binary_conv_pool, _direct_conv, _direct_conv_pool)
TRAINING = (_sign_conv, _add_scaled, _float_signs, _average_regions, _spread_regions)
ROWS = (_roi_align, _nms, _quantize_rows, _int8_linear)
OPERATORS = {
    shape.__name__[1:]: shape
    for shape in (_pack_signs, *MAPS, _binary_conv_project, _binary_conv_onto, *TRAINING, *ROWS)
}


def register() -> None:
    """Tell PyTorch, once the library that has the operators is loaded."""
    for name, shape in OPERATORS.items():
        torch.library.register_fake(f'surge_mmdet::{name}', shape)
