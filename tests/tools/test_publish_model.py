"""The command that packs a checkpoint."""

from functools import partial

import pytest
from conftest import find_classes, write_coco, write_voc
from deploy.packing import config, save

from surge_mmdet.deploy import load_packed


@pytest.fixture
def tool(run_tool):
    return partial(run_tool, 'model_converters/publish_model.py')


@pytest.fixture
def checkpoint(tmp_path):
    cfg = config('FasterRCNN')
    meta = dict(dataset_meta=dict(classes=find_classes(cfg)))
    return save(cfg, tmp_path / 'a.pth', meta=meta)


def test_sizes_and_real_layers_are_printed(tool, checkpoint, tmp_path):
    out = tmp_path / 'new/folder/a.safetensors'
    text = tool(checkpoint, out, '--real', 'int8')
    size = f'{out.stat().st_size / 1e6:.2f} MB'
    assert f'Wrote {out} in a new folder: {size}, real weights as int8' in text
    assert f'Wrote {out}: {size}, real weights as int8' in tool(checkpoint, out, '--real', 'int8')
    assert 'float twin  ' in text and 'times as large (the same weights, each a float32)' in text
    assert 'checkpoint  ' in text and '(with what only training needs)' in text
    assert '1 stays real: backbone.conv1 (stem: reads the image)' in text
    assert type(load_packed(out)).__name__ == 'FasterRCNN'


def test_verification_is_printed(tool, checkpoint, tmp_path):
    classes = find_classes(config('FasterRCNN'))
    data = write_coco(write_voc(tmp_path / 'data', classes), classes)
    text = tool(
        checkpoint,
        tmp_path / 'a.safetensors',
        '--verify',
        data / 'train2017',
        '--ann',
        data / 'annotations/instances_train.json',
    )
    table = text[text.index('Both detectors on 4 images') :].splitlines()
    assert table[1].split() == ['simulated', 'packed']
    heads = ['boxes, score >= 0.3', 'AP', 'AP50', 'ms per image']
    assert [line[2:21].strip() for line in table[2:6]] == heads
    assert 'median of 20 runs of each, by turns' in text
    assert 'Evaluate annotation type' not in text and 'loading annotations' not in text


@pytest.mark.parametrize(
    'arguments, why',
    [
        (('a.pth', 'b.pth'), r'Write b\.safetensors'),
        (('a.pth', 'b.safetensors', '--real', 'int4'), 'Write --real int8'),
        (('a.pth', 'b.safetensors/b.bin'), r'Write b\.safetensors/b\.safetensors'),
        (('a.pth', 'a.pth/b.safetensors'), 'a.pth is a file, so no folder for b.safetensors'),
        (('none.pth', 'b.safetensors'), 'none.pth does not exist. Name a checkpoint'),
        (('.', 'b.safetensors'), r'^\. is a folder. Name a checkpoint'),
        (('cut.pth', 'new/b.safetensors'), r'was cut off \(9000 bytes; '),
        (
            ('a.jpg', 'new/b.safetensors'),
            r'was cut off \(0 bytes; it does not start as one\). Copy it again',
        ),
        (('a.pth', 'new/b.safetensors', '--config', '.'), r'^\. is no file. Name the config'),
        (('a.pth', 'new/b.safetensors', '--config', 'bad.py'), 'bad.py cannot be read.*SyntaxErr'),
        (('a.pth', 'new/b.safetensors', '--config', 'a.jpg'), 'a.jpg cannot be read'),
        (('a.pth', 'b.safetensors', '--verify', 'none'), 'none does not exist'),
        (('a.pth', 'b.safetensors', '--verify', 'a.jpg', '--ann', 'none'), 'Write --ann FILE'),
        (('a.pth', 'b.safetensors', '--config', 'none.py'), 'none.py'),
    ],
)
def test_a_mistake_ends_with_a_sentence_and_no_file(
    tool, checkpoint, tmp_path, monkeypatch, arguments, why
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.jpg').touch()
    (tmp_path / 'bad.py').write_text('model = dict(')
    (tmp_path / 'cut.pth').write_bytes(checkpoint.read_bytes()[:9000])
    with pytest.raises(SystemExit, match=why):
        tool(*arguments)
    names = {'a.jpg', 'a.pth', 'bad.py', 'cut.pth'}
    assert {path.name for path in tmp_path.rglob('*')} == names, 'nothing is written'


def test_a_folder_in_the_place_of_the_file_is_refused(tool, checkpoint, tmp_path):
    (tmp_path / 'b.safetensors').mkdir()
    with pytest.raises(SystemExit, match=r'is a folder. Write .*b.safetensors/b.safetensors'):
        tool(checkpoint, tmp_path / 'b.safetensors')
    assert not list((tmp_path / 'b.safetensors').iterdir())


def test_ground_truth_alone_is_refused(tool, capsys):
    with pytest.raises(SystemExit):
        tool('a.pth', 'b.safetensors', '--ann', 'x.json')
    assert 'write --verify FOLDER --ann FILE' in capsys.readouterr().err
