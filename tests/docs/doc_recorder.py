"""What the commands of a block would start, as bash itself reads them.

Bash runs the block in a folder of its own, in which every program writes down
its arguments and does nothing else: loops, variables and patterns of file
names are expanded as they are for a reader.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT

# Programs that are really run: they only touch the folder.
HARMLESS = ('head', 'id', 'ls', 'mkdir', 'sed', 'sort', 'tail', 'wc')
RECORDED = (
    'apt-get',
    'c++',
    'docker',
    'make',
    'npm',
    'pip',
    'pre-commit',
    'pyproject-build',
    'python',
    'tar',
    'torchrun',
    'twine',
    'unzip',
)
STUB = """#!{bash}
{{ printf '%s\\0' "$PWD" "$0" "$@"; printf '\\n\\0'; }} >>"$RECORD"
"""


# The reader goes on with the next block in the same shell.
COMES_BACK = '[ . -ef "$HOME" ] || { echo "the block ends in $PWD" >&2; exit 1; }'


@dataclass(frozen=True)
class Command:
    """A program that bash has started."""

    cwd: Path
    program: str
    arguments: tuple

    def __str__(self) -> str:
        return ' '.join((self.program, *self.arguments))


def prepare(folder: Path) -> None:
    """Configs, recording programs, recording scripts of tools/."""
    shutil.copytree(ROOT / 'configs', folder / 'configs')
    programs = folder / '.programs'
    programs.mkdir()
    for name in HARMLESS:
        (programs / name).symlink_to(shutil.which(name))
    scripts = [folder / 'tools' / script.name for script in (ROOT / 'tools').glob('*.sh')]
    (folder / 'tools').mkdir()
    for stub in [*scripts, *(programs / name for name in RECORDED)]:
        stub.write_text(STUB.format(bash=shutil.which('bash')))
        stub.chmod(0o755)
    activate = folder / '.venv/bin/activate'
    activate.parent.mkdir(parents=True)
    activate.touch()


def record(code: str, folder: Path) -> list:
    """The commands that ``code`` starts in a prepared folder.

    Raises:
        AssertionError: If bash stops, as at an unknown program or script, or
            the block leaves its reader in another folder.
    """
    target = folder / '.record'
    target.unlink(missing_ok=True)
    done = subprocess.run(
        [shutil.which('bash'), '-euo', 'pipefail', '-c', f'{code}\n{COMES_BACK}'],
        cwd=folder,
        env=dict(PATH=str(folder / '.programs'), RECORD=str(target), HOME=str(folder)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    text = target.read_text() if target.exists() else ''
    rows = [row.split('\0')[:-1] for row in text.split('\n\0')[:-1]]
    return [Command(Path(cwd), program_name(program), tuple(rest)) for cwd, program, *rest in rows]


def program_name(path: str) -> str:
    """``python`` of a recorded program, ``tools/x.sh`` of a script."""
    name = os.path.basename(path)
    return f'tools/{name}' if name.endswith('.sh') else name
