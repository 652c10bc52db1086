"""Whether the optimizer of a plan exists and has the options that it is given."""

from collections.abc import Mapping
from inspect import Parameter, signature

from mmengine.registry import OPTIMIZERS

from ....errors import nearest, unknown


def require_optimizer(what: str, given: Mapping) -> None:
    """Refuse a type that is not registered, and options that it does not have.

    Args:
        what (str): Where the plan has it.
        given (Mapping): ``dict(type='AdamW', lr=1e-3)``.

    Raises:
        ValueError: The text shows the corrected line.
    """
    kind = OPTIMIZERS.get(given['type']) if isinstance(given['type'], str) else given['type']
    rest = {key: value for key, value in given.items() if key not in ('type', 'lr')}
    if kind is None:
        line = _line('{}', rest)
        raise unknown(f'{what}: optimizer', given['type'], sorted(OPTIMIZERS.module_dict), line)
    parameters = signature(kind).parameters
    if any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        return
    known = [name for name in parameters if name != 'params']
    for key in rest:
        if key not in known:
            right = {nearest(key, known, 0.3) if name == key else name: rest[name] for name in rest}
            line = _line(given['type'], right)
            raise unknown(f'{what}: {given["type"]}', key, known, line)


def _line(kind: str, options: Mapping) -> str:
    """The optimizer as the plan has it, for :func:`unknown`, which formats it once more."""
    inside = ''.join(f', {key}={value!r}' for key, value in options.items())
    inside = inside.replace('{', '{{').replace('}', '}}')
    return f"optimizer=dict(type='{kind}'{inside})"
