"""Installation of the package, with its configs and tools under ``.mim``."""

import re
import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM = ('configs', 'tools', 'model-index.yml')


def requirements(name: str) -> list:
    """Lines of requirements/<name>.txt without comments and options."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [ln for ln in lines if ln.strip() and ln.strip()[0] not in '#-']


class BuildWithMim(build_py):
    """Puts what OpenMMLab's ``mim`` and MMEngine look for into the package.

    ``surge_mmdet/.mim`` has links to the checkout after ``pip install -e``
    and copies in a wheel.
    """

    def run(self) -> None:
        super().run()
        parent = ROOT if self.editable_mode else Path(self.build_lib)
        target = parent / 'surge_mmdet/.mim'
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in MIM:
            self._place(ROOT / name, target / name)

    def _place(self, source: Path, target: Path) -> None:
        if self.editable_mode:
            target.symlink_to(Path('../..') / source.name)
        elif source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(source, target)


KERNELS = 'surge_mmdet/deploy/csrc'
FLAGS = [
    '-O3',
    '-std=c++17',
    '-g0',
    '-ffp-contract=off',  # boxes are compared as PyTorch rounds
    '-Wno-uninitialized',  # gcc 12 warns of its own AVX-512 headers
    '-Wno-maybe-uninitialized',
    '-DTORCH_TARGET_VERSION=0x020a000000000000',  # PyTorch 2.10, the first with all we call
]


def readme() -> str:
    """README.md for a package index: pictures and pages of the repository are not there."""
    picture = r'!\[[^]]*\]\((?!https?:)[^)]*\)\n\n(\*[^*]+\*\n\n)?'  # with what stands below it
    text = re.sub(picture, '', (ROOT / 'README.md').read_text())
    return re.sub(r'\[([^]]+)\]\((?!https?:)[^)]*\)', r'\1', text)


def kernels() -> dict:
    """Options of ``setup`` that compile the kernels; none without PyTorch 2.10 or newer.

    A build that fails leaves a package that runs packed detectors as plain
    PyTorch, and says so.
    """
    try:
        import torch
        from torch.utils.cpp_extension import BuildExtension, CppExtension
    except ImportError as error:
        return _without(f'PyTorch is not there to compile them with ({error})')
    if tuple(map(int, torch.__version__.split('.')[:2])) < (2, 10):
        return _without(f'PyTorch {torch.__version__} is older than 2.10')

    class BuildKernels(BuildExtension):
        def run(self) -> None:
            try:
                super().run()
            except Exception as error:  # whatever a compiler does
                _without(str(error))

    folders = (Path(KERNELS), Path(KERNELS) / 'kernels')
    sources = [str(p) for folder in folders for p in sorted(folder.glob('*.cpp'))]
    extension = CppExtension(
        'surge_mmdet.kernels._C', sources, extra_compile_args=FLAGS, py_limited_api=True
    )
    extension.optional = True
    return dict(
        ext_modules=[extension],
        cmdclass=dict(build_ext=BuildKernels),
        options=dict(bdist_wheel=dict(py_limited_api='cp310')),
    )


def _without(reason: str) -> dict:
    print(
        f'surge_mmdet: the kernels of packed detectors are not compiled: {reason}. Everything '
        'else works; to compile them: apt-get install build-essential; pip install '
        '--no-build-isolation --no-deps -e .',
        file=sys.stderr,
    )
    return {}


version = re.search(r"__version__ = '(.+)'", (ROOT / 'surge_mmdet/__init__.py').read_text()).group(
    1
)

compiled = kernels()

setup(
    name='surge_mmdet',
    version=version,
    description='1-bit object detection with SURGE for MMDetection 3.x',
    long_description=readme(),
    long_description_content_type='text/markdown',
    author='The surge_mmdet authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='object detection, binary neural networks, quantization, MMDetection, edge inference',
    python_requires='>=3.10',
    packages=find_packages(include=['surge_mmdet', 'surge_mmdet.*']),
    package_data={
        'surge_mmdet': ['py.typed'],
        'surge_mmdet.shipped': ['*.safetensors', '*.md', '*.jpg'],
        'surge_mmdet.demo.page': ['frame.html', 'static/*'],
        'surge_mmdet.demo.web': ['static/*'],
        'surge_mmdet.demo.browser': ['static/*'],
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: GPU :: NVIDIA CUDA',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: C++',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in (10, 11, 12)),
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    cmdclass={'build_py': BuildWithMim, **compiled.pop('cmdclass', {})},
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name)
        for name in (
            'onedl',
            'upstream',
            'demo',
            'pretrain',
            'benchmark',
            'onnx',
            'export',
            'cluster',
            'tests',
            'docs',
        )
    },
    **compiled,
)
