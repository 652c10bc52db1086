"""``--cfg-options`` of the tools: MMEngine's action with errors that show the line."""

from argparse import ArgumentError

from mmengine.config import DictAction


class CfgOptions(DictAction):
    """For ``parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})``.

    Raises:
        ArgumentError: For an option without ``=``, and one whose brackets do not
            match; the parser shows it and leaves.
    """

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for each in values or ():
            key, sign, value = each.partition('=')
            line = f'Write {option_string} {key or "KEY"}='
            if not key or not sign:
                raise ArgumentError(self, f'{each!r} is no KEY=VALUE. {line}VALUE')
            try:
                self._parse_iterable(value)
            except (AssertionError, RecursionError) as error:
                told = f"{each!r}: the brackets do not match. {line}'[1, 2]'"
                raise ArgumentError(self, told) from error
        super().__call__(parser, namespace, values, option_string)
