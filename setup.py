"""Installation of the package; configs and tools stay in the checkout."""
import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(name: str) -> list:
    """Lines of requirements/<name>.txt without comments and options."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [ln for ln in lines if ln.strip() and ln.strip()[0] not in '#-']


version = re.search(r"__version__ = '(.+)'",
                    (ROOT / 'surge_mmdet/__init__.py').read_text()).group(1)

setup(
    name='surge_mmdet',
    version=version,
    description='1-bit object detection with SURGE for MMDetection 3.x',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['surge_mmdet', 'surge_mmdet.*']),
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name)
        for name in ('onedl', 'upstream', 'demo', 'tests')
    },
)
