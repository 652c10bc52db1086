"""Run any tool that mmdet ships by its name.

    python tools/mmdet_tool.py                        # lists them
    python tools/mmdet_tool.py browse_dataset CONFIG --not-show --output-dir x

The tools themselves are unchanged; what some of them need with present
versions of torch and matplotlib, or without a GPU, is supplied below.
docs/guides/mmdet_tools.md has the commands.
"""

import sys
from pathlib import Path

from _mmdet_tool import hand_over, tools_folder


def tool_names() -> list:
    """All tools of mmdet as paths without ``.py``, shallow ones first."""
    folder = tools_folder()
    names = [path.relative_to(folder).with_suffix('').as_posix() for path in folder.rglob('*.py')]
    return sorted(names, key=lambda name: (name.count('/'), name))


def find_tool(name: str) -> str:
    """The tool ``name``, with or without its folder and ``.py``."""
    known, name = tool_names(), name.removesuffix('.py')
    for path in known:
        if f'/{path}'.endswith(f'/{name}'):
            return f'{path}.py'
    sys.exit(
        f'mmdet ships no tool {name!r}. Write python '
        'tools/mmdet_tool.py NAME ARGUMENTS with one of:\n  ' + '\n  '.join(known)
    )


def without_cuda() -> None:
    """Let mmdet's benchmark, which calls CUDA by name, measure on a CPU."""
    import torch
    from mmengine.model import BaseModel

    if not torch.cuda.is_available():
        print('There is no CUDA device: the CPU is measured.')
        BaseModel.cuda = lambda model, device=None: model
        torch.cuda.synchronize = lambda: None
        torch.cuda.reset_peak_memory_stats = lambda: None


def with_style_dark() -> None:
    """The default style of analyze_logs went with old versions of seaborn."""
    from matplotlib import RcParams
    from matplotlib.style import library

    library.setdefault('dark', RcParams())


def with_large_figure() -> None:
    """Half an inch per class, as confusion_matrix has it, hides three."""
    import numpy as np
    from matplotlib import pyplot

    subplots = pyplot.subplots
    pyplot.subplots = lambda figsize, **options: subplots(
        figsize=np.maximum(figsize, (6.4, 5.2)), **options
    )


def with_an_end() -> None:
    """browse_dataset never ends in a RepeatDataset: show each image once."""
    from mmengine.dataset import RepeatDataset

    RepeatDataset.__iter__ = lambda repeated: iter(repeated.dataset)


NEEDED = {
    'analyze_logs': with_style_dark,
    'benchmark': without_cuda,
    'browse_dataset': with_an_end,
    'confusion_matrix': with_large_figure,
}


def main() -> None:
    """Hand over to the tool that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] in ('-h', '--help'):
        print(__doc__, *tool_names(), sep='\n')
        return
    tool = find_tool(sys.argv.pop(1))
    NEEDED.get(Path(tool).stem, lambda: None)()
    hand_over(tool)


if __name__ == '__main__':
    main()
