"""Labels of tables, such as ``polynomial + PKD + inherit, 48 epochs``, taken apart."""

import re
from collections.abc import Mapping
from typing import Optional

from ...methods import METHODS, Method
from .networks import NETWORKS

KEY = 'method'  # of the column with labels
START = 'inherit'  # a start from the teacher's weights
STANDS_FOR = {'recipe': 'polynomial + PKD + inherit'}
ADDED = re.compile(r' \([^()]*\)$')  # such as its eta, behind a label
LONGER = r', \d+ epochs'
AT_RATE = r', (?P<rate>\d+(?:\.\d+)?e-\d+|0\.\d+)'  # a control, beside what the tuning chose
SCHEDULE = re.compile(f'(?:{LONGER}|{AT_RATE})+$')
CONTROL = re.compile(f'{AT_RATE}$')
TWIN = '-surge'


def parts(label: str) -> tuple:
    """What a label says is put together.

    Examples:
        >>> parts('STE + PKD, 48 epochs')
        ('STE', 'PKD')
        >>> parts('recipe')
        ('polynomial', 'PKD', 'inherit')
        >>> parts('EDE, 3e-3')
        ('EDE',)
    """
    plain = SCHEDULE.sub('', label)
    return tuple(STANDS_FOR.get(plain, plain).split(' + '))


def without(label: str, *taken: str) -> str:
    """A label without some of its parts.

    Examples:
        >>> without('polynomial + SURGE + PKD + inherit', 'PKD', 'inherit')
        'polynomial + SURGE'
    """
    return ' + '.join(part for part in parts(label) if part not in taken)


def is_row_of(row: Mapping, method: Method) -> bool:
    """Whether a row is a method's; older records say more behind its label.

    Examples:
        >>> is_row_of({'method': 'SURGE (eta 0.3)'}, METHODS['surge'])
        True
        >>> is_row_of({'method': 'SURGE, literal'}, METHODS['surge'])
        False
        >>> is_row_of({'method': 'tied (eta 0.3) + PKD'}, METHODS['tied'])
        False
    """
    return _is(str(row.get(KEY)), (method.label, method.name))


def trains(label: str, method: Method, taught: tuple = ()) -> bool:
    """Whether the detector of a label has the layers of a method.

    Args:
        label (str): Of a table.
        method (Method): Of the list.
        taught (tuple): Parts of labels that are no layers, beside ``inherit``.

    Examples:
        >>> trains('polynomial + PKD + inherit', METHODS['polynomial'], ('PKD',))
        True
        >>> trains('polynomial + norm-preserving', METHODS['polynomial'])
        False
        >>> trains('SURGE, branch=tied', METHODS['tied'])
        True
        >>> trains('ReActNet + SURGE', METHODS['rsign-surge'])
        True
    """
    words = (method.label, method.name, _as_options(method), _network(method))
    return _is(without(label, START, *taught), words)


def _is(word: str, own: tuple) -> bool:
    return ADDED.sub('', word) in own


def _as_options(method: Method) -> Optional[str]:
    """How tables call a form of SURGE by its options, ``SURGE, branch=tied``."""
    surge = (method.layer or {}).get('surge') or {}
    changed = [f'{key}={value}' for key, value in surge.items() if key != 'eta']
    alone = changed and set(method.layer) == {'surge'}
    return ', '.join([METHODS['surge'].label, *changed]) if alone else None


def _network(method: Method) -> Optional[str]:
    network = NETWORKS.get(method.name.removesuffix(TWIN))
    if network is None:
        return None
    own = method.name in NETWORKS
    return network.label if own else f'{network.label} + {METHODS["surge"].label}'
