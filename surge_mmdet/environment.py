"""Which OpenMMLab stack is installed, what is wrong, and how to repair it.

Two families of distributions install the same modules ``mmdet``, ``mmengine``
and ``mmcv``; pip sees no conflict between them. This module reads the
installed metadata only, so that it works where the stack itself does not
import. ``python -m surge_mmdet.environment`` prints the report.
"""

import importlib
import importlib.util
import platform
import sys
from importlib import metadata
from importlib.machinery import PathFinder

FORK = ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection')
UPSTREAM = ('mmengine', 'mmcv', 'mmdet')
CLASHES = ('mmcv-lite', 'mmcv-full')  # install the module mmcv once more
TORCH = '2.13.0'
RUNTIME = ('pycocotools', 'msgspec', 'safetensors')  # of requirements/runtime.txt
# The versions that the suite was run on, and what upstream cannot do with
# them: docs/get_started/stacks.md has the same as a table.
TESTED = {
    'torch': TORCH,
    **dict(zip(FORK, ('0.10.12', '2.3.6', '3.5.1'), strict=True)),
    **dict(zip(UPSTREAM, ('0.10.7', '2.1.0', '3.3.0'), strict=True)),
}
PYTHONS = ((3, 10), (3, 12))  # first and last
UPSTREAM_LIMITS = (
    "DetInferencer reads a training's checkpoint after `import surge_mmdet` only",
    "mmdet's analyze_logs needs seaborn, which upstream does not install",
)
# CFLAGS takes the place of Python's own flags, which ask for debug symbols
# and so for twice the time: without -O2 the operators would be slow.
BUILD_MMCV = "MMCV_WITH_OPS=1 CFLAGS='-O2 -g0' pip install --no-build-isolation"
INSTALL_FORK = (
    'pip install -r requirements/build.txt -c requirements/constraints.txt\n'
    f'  {BUILD_MMCV} -r requirements/onedl.txt -r requirements/runtime.txt '
    '-c requirements/constraints.txt'
)


class StackError(ImportError):
    """The installed OpenMMLab stack cannot work; the text says the repair."""


def installed(names: tuple) -> dict:
    """Versions of those distributions in ``names`` that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def has_stack() -> bool:
    """Whether a part of any OpenMMLab stack is installed, working or not."""
    return bool(installed((*FORK, *UPSTREAM, *CLASHES)))


def has_compiled_ops() -> bool:
    """Whether mmcv carries its compiled operators (RoIAlign, NMS)."""
    mmcv = importlib.util.find_spec('mmcv')  # finds without importing
    return (
        mmcv is not None
        and PathFinder.find_spec('_ext', mmcv.submodule_search_locations) is not None
    )


def stack_problems() -> list:
    """All that would keep detectors from working, each with its repair."""
    clashes = doubled_installation()
    if clashes:
        return clashes
    fork, upstream = installed(FORK), installed(UPSTREAM)
    if not fork and not upstream:
        return [f'no OpenMMLab stack is installed. Run:\n  {INSTALL_FORK}']
    family, found = (FORK, fork) if fork else (UPSTREAM, upstream)
    missing = [name for name in family if name not in found]
    if missing:
        return [
            f'the OpenMMLab stack is incomplete: {", ".join(missing)} missing '
            f'beside {_versions(found)}. Run:\n  {BUILD_MMCV} {" ".join(missing)}'
        ]
    if not has_compiled_ops():
        name = family[1]
        return [
            f'{name} {found[name]} has no compiled operators (mmcv._ext). '
            f'Run:\n  {BUILD_MMCV} '
            f'--force-reinstall --no-deps --no-cache-dir {name}=={found[name]}'
        ]
    return []


def doubled_installation() -> list:
    """Distributions that overwrite each other, with the repair."""
    fork, upstream = installed(FORK), installed(UPSTREAM)
    clashes = installed(CLASHES)
    if clashes:
        return [
            f'{_versions(clashes)} overwrites the mmcv with operators. Run:\n'
            f'  pip uninstall -y {" ".join([*clashes, *fork, *upstream])}\n'
            f'  {INSTALL_FORK}'
        ]
    return [_doubled(fork, upstream)] if fork and upstream else []


def blockers() -> list:
    """What has to go before the fork can be installed."""
    upstream = installed(UPSTREAM)
    if upstream and stack_problems():
        return doubled_installation() or [
            f'upstream OpenMMLab is installed and does not work '
            f'({_versions(upstream)}). Run:\n  pip uninstall -y '
            f'{" ".join(upstream)}'
        ]
    return doubled_installation()


def _doubled(fork: dict, upstream: dict) -> str:
    everything = ' '.join([*fork, *upstream])
    return (
        'the maintained fork and upstream OpenMMLab are installed together'
        f' ({_versions({**fork, **upstream})}) and overwrite each other. '
        f'Run:\n  pip uninstall -y {everything}\n  {INSTALL_FORK}'
    )


def _versions(found: dict) -> str:
    return ', '.join(f'{name} {version}' for name, version in found.items())


def require_supported_stack() -> None:
    """Raise :class:`StackError` with the repair if the stack cannot work."""
    problems = stack_problems()
    if problems:
        raise StackError('surge_mmdet cannot start: ' + '\n'.join(problems))


def report() -> str:
    """The doctor's report as text: versions first, then problems."""
    names = (
        'torch',
        'numpy',
        *RUNTIME,
        'opencv-python',
        'opencv-python-headless',
        *FORK,
        *UPSTREAM,
    )
    lines = [
        f'python            {platform.python_version()} ({sys.executable})',
        f'machine           {platform.machine()}, {platform.system()}',
    ]
    lines += [f'{name:<24s} {ver}' for name, ver in installed(names).items()]
    lines.append(f'OpenMMLab stack          {stack_name()}')
    lines.append(f'mmcv operators           {_yes(has_compiled_ops())}')
    lines.append(f'CUDA                     {_cuda()}')
    lines.append(f'packed kernels           {_kernels()}')
    lines += [f'NOTE: {note}' for note in notes()]
    problems = stack_problems() + _version_problems()
    lines += [f'PROBLEM: {problem}' for problem in problems]
    lines.append(
        'no problem found'
        if not problems
        else f'{len(problems)} problem(s); repair the first, run again'
    )
    return '\n'.join(lines)


def _yes(flag: bool) -> str:
    return 'compiled' if flag else 'missing'


def _cuda() -> str:
    if importlib.util.find_spec('torch') is None:
        return 'unknown (torch is not installed)'
    import torch

    if not torch.cuda.is_available():
        return 'not available'
    return f'{torch.version.cuda}, {torch.cuda.get_device_name(0)}'


def _kernels() -> str:
    """Which kernel packed detectors run on here."""
    if importlib.util.find_spec('torch') is None:
        return 'unknown (torch is not installed)'
    try:  # stands above this module, and needs torch
        ops = importlib.import_module('surge_mmdet.kernels.ops')
        runs, known = ops.kernel_name(), ops.compiled_kernels()
    except (ImportError, ValueError) as error:
        return f'unknown ({error})'
    others = ', '.join(name for name in known if name != runs)
    if not known:
        return f'not compiled; packed detectors run on {runs}, no faster than simulated ones'
    return f'{runs} runs' + (f'; SURGE_KERNEL can force {others}' if others else '')


def _version_problems() -> list:
    problems = []
    if not installed(('torch',)):
        problems.append(f'torch is missing. Run:\n  pip install torch=={TORCH}')
    for name in RUNTIME:
        if not installed((name,)):
            problems.append(f'{name} is missing. Run:\n  pip install {name}')
    if installed(UPSTREAM) and not installed(FORK) and not _has_pkg_resources():
        problems.append(
            "upstream's mmengine needs pkg_resources for configs based on mmdet::, and "
            "setuptools has it below 82. Run:\n  pip install 'setuptools<82'"
        )
    return problems


def stack_name() -> str:
    """Which family of distributions is installed."""
    names = {'maintained fork': FORK, 'upstream, frozen since 2024': UPSTREAM}
    return ' and '.join(name for name, family in names.items() if installed(family)) or 'none'


def notes() -> list:
    """What differs from the tested set, and what the installed stack lacks."""
    found = installed(tuple(TESTED))
    other = [
        f'{name} {version} is not the tested {TESTED[name]}'
        for name, version in found.items()
        if version.split('+')[0] != TESTED[name]
    ]
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        first, last = ('.'.join(map(str, version)) for version in PYTHONS)
        other.append(f'Python {platform.python_version()} is outside {first} to {last}, the tested')
    return other + (list(UPSTREAM_LIMITS) if installed(UPSTREAM) else [])


def _has_pkg_resources() -> bool:
    return importlib.util.find_spec('pkg_resources') is not None


def main() -> int:
    """Print the report; exit status 1 if there is a problem.

    ``--before-install`` only asks whether something blocks the set-up.
    """
    if '--before-install' in sys.argv[1:]:
        found = blockers()
        print('\n'.join(f'FAILED: {problem}' for problem in found), end='')
        return int(bool(found))
    text = report()
    print(text)
    return int('PROBLEM' in text)


if __name__ == '__main__':
    sys.exit(main())
