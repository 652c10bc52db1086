"""Every command and every piece of a config in the documents is tried.

doc_blocks.py says by which comments a page chooses how.
"""

import ast
import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, photo_crop, write_xml
from doc_blocks import LOGS, MARKED, WORDS, blocks, stand_ins
from doc_commands import argv, check
from doc_configs import build, helpers, read_config, unknown_keys
from doc_recorder import Command, prepare, record
from mmengine.config import Config

from surge_mmdet.registry import BINARIZERS

PAGES = [page for page in [*MARKED, *LOGS] if blocks(page)]


def name(page) -> str:
    return str(page.relative_to(ROOT))


def of(*languages, words=None):
    """Parameters: the blocks of these languages, with one of these words."""
    found = [block for page in PAGES for block in blocks(page) if block.language in languages]
    if words is not None:
        found = [block for block in found if block.word in words]
    return pytest.mark.parametrize('block', found, ids=str)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A prepared folder per page, with the files its reader has saved."""
    made = {}

    def folder_of(page):
        if page not in made:
            folder = made[page] = tmp_path_factory.mktemp(page.stem)
            prepare(folder)
            for path, base in stand_ins(page).items():
                (folder / path).write_text(f'_base_ = {base!r}\n')
            for block in blocks(page):
                if block.word == 'file':
                    (folder / block.rest).write_text(block.code)
        return made[page]

    return folder_of


@pytest.fixture
def own_modules():
    """Forgets what a document's config has imported and registered."""
    yield
    for key, kind in list(BINARIZERS.module_dict.items()):
        if not kind.__module__.startswith('surge_mmdet.'):
            del BINARIZERS.module_dict[key]
            sys.modules.pop(kind.__module__, None)


@of('bash', 'python')
def test_block_says_how_it_is_tried(block):
    if block.page in LOGS:
        assert block.word in ('', *WORDS)
        return
    assert block.word in WORDS, f'{block}: no comment above it, see tests/docs/doc_blocks.py'
    assert block.rest or block.word == 'run', f'{block}: {block.word} needs a reason or a name'


@of('', 'sh', 'shell', 'console', 'py')
def test_no_block_escapes_by_its_language(block):
    raise AssertionError(f'{block}: write bash, python or text behind the fence')


@of('bash')
def test_command_would_start(block, folders, monkeypatch):
    folder = folders(block.page)
    pictures(folder, block)
    monkeypatch.chdir(folder)
    commands = record(block.code, folder)
    assert commands or block.word == 'run with', f'{block} starts nothing'
    for command in commands:
        try:
            check(command, folder)
        except AssertionError as error:
            raise AssertionError(f'{block}: {command}\n{error}') from error


def pictures(folder, block, images=104):
    """Annotated photographs of a cat and a dog each, not yet in lists."""
    base = folder / 'data/mine/VOCdevkit/VOC2007'
    if block.word != 'run with' or base.exists():
        return
    assert block.rest == 'pictures'
    import cv2

    for part in ('JPEGImages', 'Annotations'):
        (base / part).mkdir(parents=True)
    for number in range(images):
        cv2.imwrite(str(base / f'JPEGImages/{number:03d}.jpg'), photo_crop(number))
        write_xml(base / f'Annotations/{number:03d}.xml', ['cat', 'dog'])


@of('bash', words=('run', 'run with'))
def test_command_runs(block, folders, monkeypatch):
    folder = folders(block.page)
    pictures(folder, block)
    monkeypatch.chdir(folder)
    for command in record(block.code, folder):
        run(command, folder)


def run(command: Command, folder) -> None:
    """Start a recorded command for real: pytest apart, tools in this process."""
    assert command.program == 'python', command
    arguments = command.arguments
    if arguments[:2] == ('-m', 'pytest'):
        line = [sys.executable, *arguments, '-p', 'no:cacheprovider', '-c', os.devnull]
        env = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), str(folder)]))
        done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0 and ' passed' in done.stdout, done.stdout + done.stderr
        return
    try:
        if arguments[0] == '-m':
            with argv(*arguments[1:]):
                runpy.run_module(arguments[1], run_name='__main__')
        else:
            with argv(*arguments):
                sys.path.insert(0, str((ROOT / arguments[0]).parent))
                runpy.run_path(str(ROOT / arguments[0]), run_name='__main__')
    except SystemExit as stop:
        assert stop.code in (None, 0), f'{command}: {stop.code}'


@of('python', words=('run',))
def test_python_runs(block, folders, monkeypatch):
    monkeypatch.chdir(folders(block.page))
    exec(compile(block.code, str(block), 'exec'), {})


@of('python', words=('check', 'needs', 'tested'))
def test_python_that_is_not_run_imports_what_exists(block):
    for node in ast.walk(ast.parse(block.code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, each.name) for each in node.names), block


@of('bash', 'python', words=('tested',))
def test_the_test_that_runs_it_reads_this_page(block):
    assert name(block.page) in (ROOT / block.rest).read_text(), f'{block}: {block.rest}'


def rows_of_mmdet_tools() -> list:
    """The commands that the page of mmdet's tools has in its table."""
    text = (ROOT / 'docs/guides/mmdet_tools.md').read_text()
    return re.findall(r'^\| `([a-z_]+ [^`]+)`', text, re.M)


@pytest.mark.parametrize('row', rows_of_mmdet_tools())
def test_row_of_mmdet_tools_would_start(row, folders, monkeypatch):
    page = ROOT / 'docs/guides/mmdet_tools.md'
    variables = [line for line in page.read_text().splitlines() if re.match(r'(CONFIG|RUN)=', line)]
    folder = folders(page)
    monkeypatch.chdir(folder)
    code = '\n'.join([*variables, f'python tools/mmdet_tool.py {row}'])
    (command,) = record(code, folder)
    check(command, folder)


def configs():
    """Blocks that are configs or parts of one."""
    return [
        block
        for page in PAGES
        for block in blocks(page)
        if block.word == 'child of' or (block.word == 'file' and '_base_' in block.code)
    ]


@pytest.mark.parametrize('block', configs(), ids=str)
def test_config_means_what_it_says(block, folders, monkeypatch, own_modules):
    """Each key is known to what it overrides; a model with it can be built."""
    folder = folders(block.page)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    child = written(block, folder)
    cfg = Config.fromfile(child)
    base, own = parents(child, block)
    free = helpers(block.code)
    own = {key: value for key, value in own.items() if key in base or key not in free}
    problems = unknown_keys(own, base)
    assert not problems, f'{block}: {problems} mean nothing there'
    if 'model' in own:
        build(cfg)


def written(block, folder):
    """The file of a config block; of a part, a child of the config it names."""
    if block.word == 'file':
        return folder / block.rest
    child = (folder / block.rest).with_name('test-child.py')
    child.write_text(f"_base_ = './{(folder / block.rest).name}'\n{block.code}")
    return child


def parents(child, block) -> tuple:
    """The config before, and what the block adds, as dictionaries."""
    lines = ast.parse(block.code).body
    if block.word == 'child of':
        name = (child.parent / block.rest.split('/')[-1]).name
    else:
        at = next(n for n, each in enumerate(lines) if ast.unparse(each).startswith('_base_ ='))
        name = eval(ast.unparse(lines.pop(at).value))  # noqa: S307
    base = read_config(name, child.parent)
    own = dict(_base_=base)  # MMEngine puts it in place of the file's name
    exec(compile(ast.Module(lines, []), str(block), 'exec'), own)
    skip = ('_base_', '__builtins__')
    return base.to_dict(), {key: value for key, value in own.items() if key not in skip}


def test_a_wrong_command_is_found(tmp_path):
    """The checks themselves can fail: option, key, path, script, program."""
    prepare(tmp_path)
    config = 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
    for line in (
        f'python tools/train.py {config} --ressume',
        f'python tools/train.py {config} --cfg-options optim_wrapper.optimiser.lr=1',
        f'python tools/train.py {config} --cfg-options model.backbone.polcy=1',
        'python tools/train.py configs/faster_rcnn/faster-rcnn_r18.py',
        'python tools/tran.py x.py',
        f'tools/dist_train.sh {config}',
        'tools/dist_trian.sh x 4',
        'pip install -r requirements/non.txt',
        'make dogs',
        'wget http://somewhere',
    ):
        with pytest.raises(AssertionError):
            for command in record(line, tmp_path):
                check(command, tmp_path)


def test_loops_and_variables_are_read_as_bash_does(tmp_path):
    prepare(tmp_path)
    code = (
        'for m in fp32 ste; do\n  c=configs/${m}.py  # one each\n  python tools/train.py $c\ndone'
    )
    assert [str(command) for command in record(code, tmp_path)] == [
        'python tools/train.py configs/fp32.py',
        'python tools/train.py configs/ste.py',
    ]
    assert shutil.which('wget', path=str(tmp_path / '.programs')) is None
