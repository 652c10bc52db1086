"""Whether a command of a document would start: its files, options and keys."""

import argparse
import importlib.util
import os
import runpy
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from conftest import ROOT
from doc_configs import nested, read_config, unknown_keys
from doc_recorder import Command

from surge_mmdet.demo.browser.runtime import FETCH

# Arguments in front of those that tools/train.py and tools/test.py take.
SCRIPTS = {
    'tools/dist_train.sh': ('train.py', 'config processes'),
    'tools/dist_test.sh': ('test.py', 'config checkpoint processes'),
    'tools/slurm_train.sh': ('train.py', 'partition job config work_dir'),
    'tools/slurm_test.sh': ('test.py', 'partition job config checkpoint'),
}


class Parsed(Exception):
    """Ends a tool once it has read its arguments."""


@contextmanager
def argv(*arguments):
    """``sys.argv`` for a while, and no trace of what a tool imports from beside it."""
    before = sys.argv[:], sys.path[:]
    sys.argv = list(map(str, arguments))
    try:
        yield
    finally:
        sys.argv[:], sys.path[:] = before


def read_arguments(tool: Path, arguments) -> argparse.Namespace:
    """What the parser of a tool makes of ``arguments``; the tool goes no further.

    Raises:
        AssertionError: If the parser refuses, or the tool has none.
    """
    parse = argparse.ArgumentParser.parse_args
    texts = []

    def parse_and_stop(parser, *args, **kwargs):
        raise Parsed(parse(parser, *args, **kwargs))

    def refuse(parser, message):
        texts.append(message)
        raise SystemExit(2)

    before = argparse.ArgumentParser.error
    argparse.ArgumentParser.parse_args, argparse.ArgumentParser.error = parse_and_stop, refuse
    try:
        with argv(tool, *arguments):
            sys.path.insert(0, str(tool.parent))
            sys.path.append(str(ROOT / 'tools'))
            # What it asks of configs is asked below, where no teacher has to be trained.
            with patch('surge_mmdet.before_start.check_command'):
                runpy.run_path(str(tool), run_name='__main__')
    except Parsed as parsed:
        return parsed.args[0]
    except SystemExit as stop:
        raise AssertionError(f'{tool.name}: {texts or stop}') from stop
    finally:
        argparse.ArgumentParser.parse_args, argparse.ArgumentParser.error = parse, before
    raise AssertionError(f'{tool.name} has no parser')


def check(command: Command, folder: Path) -> None:
    """Hold one command against the repository.

    Args:
        command (Command): As recorded.
        folder (Path): Where it was recorded, with the reader's configs.

    Raises:
        AssertionError: With what is wrong.
    """
    if command.program == 'python':
        check_python(command.arguments, folder)
    elif command.program == 'torchrun':
        check_torchrun(command.arguments, folder)
    elif command.program in SCRIPTS:
        check_script(command, folder)
    elif command.program == 'pip':
        check_pip(command.arguments)
    elif command.program == 'npm':
        assert ' '.join(('npm', *command.arguments)) == FETCH, f'write {FETCH}'
    elif command.program == 'docker':
        check_docker(command.arguments)
    elif command.program == 'make':
        target = ['make', '-n', '-C', str(ROOT), *command.arguments]
        assert subprocess.run(target, capture_output=True).returncode == 0, command
    elif command.program.startswith('tools/'):
        assert (ROOT / command.program).exists(), command


def check_python(arguments: tuple, folder: Path) -> None:
    """``python tools/x.py ...`` or ``python -m module ...``."""
    if arguments[0] == '-m':
        module, rest = arguments[1], arguments[2:]
        assert importlib.util.find_spec(module), f'no module {module}'
        missing = [a for a in rest if a.endswith('.py') and not exists(a, folder)]
        assert not missing, f'{module}: {missing} do not exist'
        return
    script, rest = arguments[0], arguments[1:]
    assert (ROOT / script).is_file(), f'{script} does not exist'
    if script == 'tools/mmdet_tool.py':
        script, rest = mmdet_tool(rest[0]), rest[1:]
    check_arguments(read_arguments(ROOT / script, rest), folder)


def exists(path: str, folder: Path) -> bool:
    return (folder / path).exists() or (ROOT / path).exists()


def mmdet_tool(name: str) -> Path:
    """The file of one of mmdet's tools."""
    with argv('mmdet_tool.py'):
        sys.path.insert(0, str(ROOT / 'tools'))
        tool = runpy.run_path(str(ROOT / 'tools/mmdet_tool.py'))
        return tool['tools_folder']() / tool['find_tool'](name)


def check_torchrun(arguments: tuple, folder: Path) -> None:
    """Its own options by its own parser, then the script behind them."""
    from torch.distributed.run import get_args_parser

    args = get_args_parser().parse_args(arguments)
    check_python((args.training_script, *args.training_script_args), folder)


def check_script(command: Command, folder: Path) -> None:
    """A script that hands over to tools/train.py or tools/test.py."""
    tool, names = SCRIPTS[command.program]
    given = dict(zip(names.split(), command.arguments, strict=False))
    assert len(given) == len(names.split()), f'{command} needs {names}'
    assert given.get('processes', '1').isdigit(), command
    before = [given[name] for name in ('config', 'checkpoint') if name in given]
    rest = command.arguments[len(given) :]
    check_arguments(read_arguments(ROOT / 'tools' / tool, [*before, *rest]), folder)


def check_pip(arguments: tuple) -> None:
    """Requirement files and extras of an installation."""
    for flag, value in zip(arguments, arguments[1:], strict=False):
        if flag in ('-r', '-c'):
            assert (ROOT / value).is_file(), f'{value} does not exist'
        if flag == '-e' and '[' in value:
            for extra in value.split('[')[1].rstrip(']').split(','):
                assert f"'{extra}'" in (ROOT / 'setup.py').read_text(), f'no extra {extra}'


def check_docker(arguments: tuple) -> None:
    """The recipe of a build; what a container starts, as far as it is Python's."""
    if arguments[0] == 'build':
        recipe = arguments[arguments.index('-f') + 1]
        assert (ROOT / recipe).is_file(), f'{recipe} does not exist'
    elif 'python' in arguments:
        check_python(arguments[arguments.index('python') + 1 :], ROOT)


def check_arguments(args: argparse.Namespace, folder: Path) -> None:
    """Configs and plans exist, and know the keys of ``--cfg-options``."""
    configs = [
        value
        for each in vars(args).values()
        for value in (each if isinstance(each, list) else [each])
        if isinstance(value, str) and value.endswith('.py')
    ]
    for config in configs:
        assert '::' in config or exists(config, folder), f'{config} does not exist'
    options = getattr(args, 'cfg_options', None)
    for config in configs if options else ():
        here = os.getcwd()
        cfg = read_config(config, folder if (folder / config).exists() else ROOT)
        if 'config' in cfg and 'optimizers' in cfg:  # a study's plan names its config
            cfg = read_config(cfg.config, ROOT)
        problems = unknown_keys(nested(options, cfg), cfg.to_dict())
        assert not problems, f'{config} knows no {problems}'
        assert os.getcwd() == here
