from pathlib import Path

import pytest

from surge_mmdet.classification import CustomDataset


@pytest.fixture
def root(tmp_path):
    """Two classes and an empty one; a text file and a nested image."""
    for name in (
        'train/dog/b.JPEG',
        'train/dog/a.jpg',
        'train/cat/x/c.png',
        'train/cat/readme.txt',
        'train/list.txt',
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / 'train/ant').mkdir()
    return tmp_path


def load(root, **kwargs):
    return CustomDataset(str(root), 'train', **kwargs)


def test_classes_are_folders_in_order_and_images_carry_their_number(root):
    data = load(root)
    assert data.metainfo['classes'] == ('ant', 'cat', 'dog')
    found = [
        (Path(item['img_path']).name, item['gt_label'])
        for item in (data.get_data_info(i) for i in range(len(data)))
    ]
    assert found == [('c.png', 1), ('a.jpg', 2), ('b.JPEG', 2)]


def test_pipeline_gets_path_and_label(root):
    seen = []
    data = load(root, pipeline=[lambda item: seen.append(item) or item])
    assert data[2]['gt_label'] == 2
    assert seen[0]['img_path'].endswith('train/dog/b.JPEG')


def test_configured_classes_are_insisted_on(root):
    assert len(load(root, metainfo=dict(classes=('ant', 'cat', 'dog')))) == 3
    with pytest.raises(ValueError, match=r"classes=\('ant', 'cat', 'dog'\)"):
        load(root, metainfo=dict(classes=('cat', 'dog')))


def test_two_splits_do_not_share_their_classes(root):
    (root / 'val/other').mkdir(parents=True)
    (root / 'val/other/a.jpg').touch()
    assert load(root).metainfo['classes'][0] == 'ant'
    val = CustomDataset(str(root), 'val')
    assert val.metainfo['classes'] == ('other',)


@pytest.mark.parametrize(
    'prefix, problem', [('test', 'does not exist'), ('train/ant', 'has no image')]
)
def test_missing_data_says_what_belongs_there(root, prefix, problem):
    with pytest.raises(FileNotFoundError) as error:
        CustomDataset(str(root), prefix)
    assert problem in str(error.value)
    assert f'{prefix}/<class>/<image>.jpg' in str(error.value)
    assert 'train_dataloader.dataset.data_root=' in str(error.value)
