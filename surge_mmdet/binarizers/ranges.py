"""What options of binarizers may be, and errors that show the corrected line."""

import math


def check_positive(kind: str, **options: float) -> None:
    """Each option is a positive finite number.

    Args:
        kind (str): Class of the binarizer.
        **options: Name and value.

    Raises:
        ValueError: The text names the option and shows the line.
    """
    for name, value in options.items():
        if not (_is_number(value) and value > 0):
            raise ValueError(
                f'{kind}: {name} must be a positive number, got {value!r}. '
                f"Write dict(type='{kind}') for its default."
            )


def check_rising(kind: str, positive: bool = True, **options: float) -> None:
    """Each option is a number no smaller than the one before it.

    Args:
        kind (str): Class of the binarizer.
        positive (bool): Whether the first has to be positive.
        **options: Names and values, in order.

    Raises:
        ValueError: The text names the options and shows the line.
    """
    values = list(options.values())
    rising = all(_is_number(value) for value in values) and values == sorted(values)
    if not rising or (positive and values[0] <= 0):
        wanted = ' <= '.join(options)
        got = ', '.join(f'{name}={value!r}' for name, value in options.items())
        raise ValueError(
            f'{kind}: {"0 < " if positive else ""}{wanted} is needed, got {got}. '
            f"Write dict(type='{kind}') for the defaults."
        )


def check_share(kind: str, **options: float) -> None:
    """Each option is a number from 0 to 1.

    Args:
        kind (str): Class of the binarizer.
        **options: Name and value.

    Raises:
        ValueError: The text names the option and shows the line.
    """
    for name, value in options.items():
        if not (_is_number(value) and 0 <= value <= 1):
            raise ValueError(
                f'{kind}: {name} must be in [0, 1], got {value!r}. '
                f"Write dict(type='{kind}') for its default."
            )


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
