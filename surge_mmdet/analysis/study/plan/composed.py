"""Well-known names of methods that are more than the options of a layer.

A plan writes them as a dict. Without this the answer to such a name would be
the line of another method that is spelt nearly as it.
"""

from ....methods import Method, find_method

_PKD = "distillation=[dict(type='surge_mmdet.PKD', weight=6.0, levels=[0, 1, 2, 3])]"
_START = "inherit=['backbone', 'neck', 'rpn_head', 'roi_head']"
LINES = {
    'reactnet': (
        "{'ReActNet': dict(method='rsign', config={'model.backbone.act_cfg.type': 'RPReLU'})}"
    ),
    'recipe': f"{{'recipe': dict(method='polynomial', teacher='fp32', {_PKD}, {_START})}}",
    'pkd': f"{{'STE + PKD': dict(method='ste', teacher='fp32', {_PKD})}}",
    'bidet': (
        "{'BiDet': dict(method='ste', losses=[dict(type='surge_mmdet.InformationBottleneck', "
        "weight=0.5, start=0.5), dict(type='surge_mmdet.SparseObjectPrior', weight=0.01, "
        'start=0.5)])}'
    ),
}


def listed_method(word: object) -> Method:
    """:func:`find_method` for the plans of comparisons.

    Raises:
        ValueError: For an unknown word, and for one that means more than the
            options of a layer; the text shows the corrected line.

    Examples:
        >>> listed_method('ReActNet')
        Traceback (most recent call last):
        ValueError: 'ReActNet' is more than the options of a layer. Write {'ReActNet': \
dict(method='rsign', config={'model.backbone.act_cfg.type': 'RPReLU'})}.
    """
    line = LINES.get(word.lower()) if isinstance(word, str) else None
    if line is not None:
        raise ValueError(f'{word!r} is more than the options of a layer. Write {line}.')
    return find_method(word)
