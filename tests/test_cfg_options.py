"""Options of a command: what is no key and value is refused with the line."""

import re
from argparse import ArgumentParser

import pytest

from surge_mmdet.cfg_options import CfgOptions


@pytest.mark.parametrize(
    'given, told',
    [
        (
            ('train_cfg.max_epochs',),
            '.train_cfg.max_epochs. is no KEY=VALUE. Write --cfg-options t',
        ),
        (('a=1', '=2'), 'is no KEY=VALUE. Write --cfg-options KEY=VALUE'),
        (('a=[1, (2',), r"brackets do not match. Write --cfg-options a='\[1, 2\]'"),
        (('a=[1,(2],3)',), 'brackets do not match'),
    ],
)
def test_options_of_a_command_are_key_and_value(given, told, capsys):
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    assert parser.parse_args(['--cfg-options', 'a=[1, (2, x)]', 'b=', 'c=x(1']).cfg_options == {
        'a': [1, (2, 'x')],
        'b': '',
        'c': 'x(1',
    }
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', *given])
    assert re.search(told, capsys.readouterr().err)
