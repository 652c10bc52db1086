"""Whether the optimizer of a config exists and has the options that it is given."""

from collections.abc import Mapping
from inspect import Parameter, signature

from mmengine.registry import OPTIMIZERS

from ...errors import braced, corrected, unknown

MMENGINE = ('type', 'lr', '_scope_')  # beside the options of the optimizer itself


def require_optimizer(what: str, given: Mapping) -> None:
    """Refuse a type that is not registered, and options that it does not have.

    Args:
        what (str): Where it stands.
        given (Mapping): ``dict(type='AdamW', lr=1e-3)``, in the scope that is set.

    Raises:
        ValueError: The text shows the corrected line.
    """
    rest = {key: value for key, value in given.items() if key not in MMENGINE}
    with OPTIMIZERS.switch_scope_and_registry(given.get('_scope_')) as registry:
        named = isinstance(given['type'], str)
        kind = registry.get(given['type']) if named else given['type']
        names = sorted({*registry.module_dict, *OPTIMIZERS.module_dict})
    if not callable(kind):
        raise unknown(f'{what}: optimizer', given['type'], names, _line('{}', rest))
    parameters = signature(kind).parameters
    if any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        return
    known = [name for name in parameters if name != 'params']
    name = given['type'] if named else kind.__name__
    for key in rest:
        if key not in known:
            raise unknown(f'{what}: {name}', key, known, _line(name, corrected(rest, known)))


def _line(kind: str, options: Mapping) -> str:
    """The optimizer as a config has it, for :func:`unknown`."""
    inside = ''.join(f', {key}={value!r}' for key, value in options.items())
    return f"optimizer=dict(type='{kind}'{braced(inside)})"
