"""Options of a method that stand a level too high in its plan."""

from collections.abc import Mapping
from dataclasses import fields
from inspect import signature

from torch import nn

from ....layers import BinaryConv2d
from ....surge import SurgeConfig
from .composed import listed_method
from .labels import method_line

OF_SURGE = tuple(field.name for field in fields(SurgeConfig))
OF_LAYER = tuple(key for key in signature(BinaryConv2d).parameters
                 if key not in signature(nn.Conv2d).parameters)  # fmt: skip


def check_places(label: str, given: Mapping) -> None:
    """Refuse options of the layer, or of its ``surge``, that stand beside ``layer``.

    Args:
        label (str): The method's.
        given (Mapping): Its entry in the plan.

    Raises:
        ValueError: The text shows the corrected line.

    Examples:
        >>> check_places('weak', dict(method='surge', eta=0.05))
        Traceback (most recent call last):
        ValueError: method 'weak': eta is an option of surge. Write {'weak': \
dict(layer={'surge': {'eta': 0.05}})}.
    """
    layer = given.get('layer')
    layer = dict(layer) if isinstance(layer, Mapping) else {}
    surge = {key: place[key] for place in (given, layer) for key in OF_SURGE if key in place}
    beside = {key: given[key] for key in OF_LAYER if key in given}
    if not surge and not beside:
        return
    rest = {key: value for key, value in given.items() if key not in {**surge, **beside}}
    policy = listed_method(rest.pop('method')).policy() if 'method' in rest else None
    layer = {**(policy or {}).get('layer', {}), **layer, **beside}
    layer = {key: value for key, value in layer.items() if key not in surge}
    if surge:
        layer['surge'] = {**(layer.get('surge') or {}), **surge}
    place = 'surge' if surge else 'layer'
    words = ', '.join(surge or beside)
    verb = 'is an option' if len(surge or beside) == 1 else 'are options'
    right = method_line(label, {'layer': layer, **{k: v for k, v in rest.items() if k != 'layer'}})
    raise ValueError(f'method {label!r}: {words} {verb} of {place}. Write {right}.')
