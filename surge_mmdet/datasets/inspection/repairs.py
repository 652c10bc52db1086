"""How to come by files that a config reads and nobody has."""

from pathlib import Path

from .sources import Source

# Published archives: what they bring, and the command that brings it there.
UNTAR = 'mkdir -p {1} && tar -xf {0} --strip-components=1 -C {1}'
UNZIP = 'unzip {0} -d {1}'
ARCHIVES = {
    'VOC2007/ImageSets/Main/trainval.txt': (UNTAR, 'VOCtrainval_06-Nov-2007.tar'),
    'VOC2007/ImageSets/Main/test.txt': (UNTAR, 'VOCtest_06-Nov-2007.tar'),
    'VOC2012/ImageSets/Main/trainval.txt': (UNTAR, 'VOCtrainval_11-May-2012.tar'),
    'annotations/instances_train2017.json': (UNZIP, 'annotations_trainval2017.zip'),
    'annotations/instances_val2017.json': (UNZIP, 'annotations_trainval2017.zip'),
    'train2017': (UNZIP, 'train2017.zip'),
    'val2017': (UNZIP, 'val2017.zip'),
}


def repair_of(source: Source, path: str) -> str:
    """How to come by ``path``, which the config reads and nobody has."""
    root, name = source.data.data_root or '.', source.inside(path)
    for folder in _nearby(Path(root)):
        if (folder / name).exists():
            return f'{name}: it lies in {folder}. Give that folder instead'
    if name in ARCHIVES:
        command, archive = ARCHIVES[name]
        return f'{name}: run {command.format(archive, root)}'
    return f'{name}: expected in {root}'


def _nearby(root: Path) -> list:
    """Where people unpack it by mistake: one above, one or two below."""
    if not root.is_dir():
        return []
    return [
        root.resolve().parent,
        *sorted(p for pattern in ('*/', '*/*/') for p in root.glob(pattern)),
    ][:500]
