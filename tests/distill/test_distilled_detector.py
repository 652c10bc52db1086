"""A detector with a teacher: the same detector, more losses."""

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmdet.registry import MODELS
from mmengine.config import Config

from surge_mmdet.deploy.config_text import from_text, to_text
from surge_mmdet.engine.checks.teacher import check_teacher
from surge_mmdet.losses import Context

sys.path.append(str(Path(__file__).parents[1] / 'models'))
from tiny_detectors import build, images, model_config, real_config  # noqa: E402

NAMES = ('RetinaNet', 'MaskRCNN')
PKD = [dict(type='surge_mmdet.PKD', weight=6.0, levels=[0, 1, 2, 3])]


def teacher_of(name: str, folder, **changes) -> dict:
    """Config and checkpoint of a real detector with random weights."""
    model = real_config(name)
    model.update(changes)
    config = folder / 'teacher.py'
    Config(dict(model=model, default_scope='mmdet')).dump(config)
    torch.manual_seed(7)
    torch.save(dict(state_dict=MODELS.build(model).state_dict()), folder / 'teacher.pth')
    return dict(config=str(config), checkpoint=str(folder / 'teacher.pth'))


def distilled_config(name: str, teacher: dict, distillation=PKD):
    cfg = model_config(name)
    cfg.update(
        type='surge_mmdet.DistilledDetector',
        student='surge_mmdet.BinarizedDetector',
        teacher=teacher,
        distillation=distillation,
    )
    return cfg


def distilled(name: str, teacher: dict, distillation=PKD):
    return MODELS.build(distilled_config(name, teacher, distillation))


@pytest.fixture(params=NAMES)
def case(request, tmp_path):
    return request.param, distilled(request.param, teacher_of(request.param, tmp_path))


def test_it_is_the_student(case):
    name, model = case
    plain = build(name)
    assert isinstance(model, type(plain))
    assert model.state_dict().keys() == plain.state_dict().keys()
    model.load_state_dict(plain.state_dict(), strict=True)
    data = images(plain)
    for each in (model, plain):
        each.eval()
    found, want = (m(**copy.deepcopy(data), mode='tensor') for m in (model, plain))
    assert all(a.equal(b) for a, b in zip(_flat(found), _flat(want), strict=True))


def _flat(values) -> list:
    if isinstance(values, torch.Tensor):
        return [values]
    return [each for value in values for each in _flat(value)]


def test_its_losses_are_the_detectors_and_one_more(case):
    name, model = case
    plain = build(name)
    plain.load_state_dict(model.state_dict())
    data = images(plain)
    torch.manual_seed(0)
    want = plain(**copy.deepcopy(data), mode='loss')
    torch.manual_seed(0)
    found = model(**copy.deepcopy(data), mode='loss')
    added = found.pop('loss_pkd')
    assert found.keys() == want.keys()
    assert all(torch.equal(_total(found[k]), _total(want[k])) for k in want)
    assert 0 < added.item() < 12
    added.backward()
    names = {key for key, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any('backbone' in key for key in names) and any('neck' in key for key in names)
    assert not any('head' in key for key in names)


def _total(value):
    return sum(value) if isinstance(value, (list, tuple)) else value


def test_the_teacher_is_frozen_and_no_part_of_the_student(case):
    _, model = case
    data = images(model)
    teacher = model.teacher.load(model)
    before = copy.deepcopy(teacher.state_dict())
    model.train()
    for _ in range(2):
        model(**copy.deepcopy(data), mode='loss')['loss_pkd'].backward()
    assert all(value.equal(before[key]) for key, value in teacher.state_dict().items())
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert not any(module is teacher for module in model.modules())
    assert copy.deepcopy(model).teacher is model.teacher


def test_a_student_that_is_its_teacher_has_nothing_to_learn(tmp_path):
    teacher = teacher_of('RetinaNet', tmp_path)
    model = distilled('RetinaNet', teacher)
    view = model.teacher.view(model, images(model)['inputs'])
    assert model.extra_losses['pkd'](Context(view, view)).item() == pytest.approx(0, abs=1e-6)


def test_inference_needs_no_teacher(tmp_path):
    model = distilled('RetinaNet', dict(config='gone.py', checkpoint='gone.pth')).eval()
    data = images(model, training=False)
    with torch.no_grad():
        assert len(model(**data, mode='predict')) == 2
    assert model._maps is None


@pytest.mark.parametrize(
    'change, error, line',
    [
        (dict(config='gone.py'), FileNotFoundError, "no config 'gone.py'. Write teacher="),
        (dict(checkpoint='gone.pth'), FileNotFoundError, 'Train it first: python tools/train.py'),
        (dict(cfg_options={'model.neck.out_channels': 8}), ValueError, 'does not fit'),
        (
            dict(cfg_options={'model.data_preprocessor.mean': [0, 0, 0]}),
            ValueError,
            'same data_preprocessor',
        ),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused(tmp_path, change, error, line):
    model = distilled('RetinaNet', teacher_of('RetinaNet', tmp_path) | change)
    with pytest.raises(error, match=line):
        model.teacher.load(model)


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    head = real_config('RetinaNet').bbox_head
    teacher = teacher_of('RetinaNet', tmp_path, bbox_head=head | dict(num_classes=3))
    with pytest.raises(ValueError, match='knows 3 classes, the student 80'):
        model = distilled('RetinaNet', teacher)
        model.teacher.load(model)


def test_a_folder_stands_for_its_last_checkpoint(tmp_path):
    teacher = teacher_of('RetinaNet', tmp_path)
    (tmp_path / 'last_checkpoint').write_text(teacher['checkpoint'])
    model = distilled('RetinaNet', teacher | dict(checkpoint=str(tmp_path)))
    assert model.teacher.load(model) is model.teacher.load(model)


@pytest.mark.parametrize(
    'keys, line',
    [
        (dict(), 'student must be the type that model had before'),
        (dict(student='RetinaNet'), 'a teacher and at least one distillation are needed'),
        (
            dict(student='RetinaNet', teacher=dict(config='x.py')),
            'a teacher and at least one distillation are needed',
        ),
    ],
)
def test_missing_keys_show_the_line(keys, line):
    with pytest.raises(TypeError, match=f'{line}.*Write model=dict'):
        MODELS.build(dict(type='surge_mmdet.DistilledDetector', **keys))


@pytest.mark.parametrize(
    'teacher, error, line',
    [
        (dict(), TypeError, 'config must be a file, got None. Write teacher='),
        (dict(config='x.py', chekpoint='y'), ValueError, "unknown 'chekpoint'.*checkpoint="),
    ],
)
def test_keys_of_the_teacher_show_the_line(teacher, error, line):
    wrong = teacher or dict(cfg_options={})
    cfg = dict(student='RetinaNet', teacher=wrong, distillation=PKD)
    with pytest.raises(error, match=line):
        MODELS.build(dict(type='surge_mmdet.DistilledDetector', **cfg))


def test_a_teacher_may_be_a_config_of_mmdet(monkeypatch):
    monkeypatch.setattr('surge_mmdet.distill.teacher.check_student', lambda *_: None)
    model = distilled('RetinaNet', dict(config='mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'))
    assert model.teacher.checkpoint == 'work_dirs/retinanet_r18_fpn_1x_coco'
    line = 'retinanet_r18_fpn_1x_coco. Name one that is elsewhere: .*model.teacher.checkpoint='
    with pytest.raises(FileNotFoundError, match=line):
        model.teacher.load(model)


def test_what_is_no_loss_of_features_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown 'PDK'.*Write distillation=.*PKD'"):
        distilled('RetinaNet', dict(config='x.py'), [dict(type='surge_mmdet.PDK')])
    with pytest.raises(ValueError, match="unknown 'L1Loss'; known are CWD, FGD"):
        distilled('RetinaNet', dict(config='x.py'), [dict(type='L1Loss')])
    with pytest.raises(TypeError, match="'PKD' is no loss. Write distillation="):
        distilled('RetinaNet', dict(config='x.py'), ['PKD'])
    with pytest.raises(TypeError, match='learns from the teacher.*DetectorWithLosses'):
        bottleneck = dict(type='surge_mmdet.InformationBottleneck')
        distilled('RetinaNet', dict(config='x.py'), [bottleneck])


def test_a_packed_student_knows_no_teacher(tmp_path):
    cfg = Config(
        dict(
            model=distilled_config('RetinaNet', dict(config='x.py')),
            test_dataloader=dict(batch_size=1),
        )
    )
    model = from_text(to_text(cfg), 'it')['model']
    assert model['type'] == 'surge_mmdet.BinarizedDetector' and model['detector'] == 'RetinaNet'
    assert not {'student', 'teacher', 'distillation'} & model.keys()


def test_a_missing_teacher_is_told_before_training(tmp_path, monkeypatch):
    file = tiny_config(ROOT / 'configs/binarized/retinanet_r18_fpn_surge_1x_coco.py', tmp_path)
    cfg = Config.fromfile(file)
    cfg.model = distilled_config('RetinaNet', teacher_of('RetinaNet', tmp_path))
    cfg.model.policy = dict(layer=dict(surge=dict(eta=0.3, branch='tied')))
    cfg.dump(file)
    work = tmp_path / 'work'
    run_mmdet_tool(monkeypatch, 'train.py', file, '--work-dir', work)
    assert 'loss_pkd: ' in next(work.glob('*/*.log')).read_text()
    (tmp_path / 'teacher.pth').unlink()
    with pytest.raises(FileNotFoundError, match='Train it first'):
        run_mmdet_tool(monkeypatch, 'train.py', file, '--work-dir', tmp_path / 'second')


def runner_of(tmp_path, **policy):
    cfg = distilled_config('RetinaNet', teacher_of('RetinaNet', tmp_path))
    cfg.policy = dict(layer=dict(**policy))
    return SimpleNamespace(model=MODELS.build(cfg), train_loop=SimpleNamespace(max_epochs=12))


@pytest.mark.parametrize('branch', ['full', 'pointwise', 'lowrank'])
def test_a_large_eta_beside_a_teacher_is_refused_with_the_line(tmp_path, branch):
    runner = runner_of(tmp_path, surge=dict(eta=0.2, branch=branch))
    own = '' if branch == 'full' else f", branch='{branch}'"
    line = rf'Write surge=dict\(eta=0.1{own}\), or surge=None, or'
    with pytest.raises(ValueError, match=line):
        check_teacher(runner)
    with pytest.raises(ValueError, match='full_branch_beside_teacher=True'):
        check_teacher(runner)
    check_teacher(runner, full_branch=True)


@pytest.mark.parametrize(
    'surge', [None, dict(), dict(eta=0.3, branch='tied'), dict(eta=0.3, branch='depthwise')]
)
def test_other_students_have_their_teacher_loaded(tmp_path, surge):
    runner = runner_of(tmp_path, surge=surge)
    (tmp_path / 'teacher.pth').unlink()
    with pytest.raises(FileNotFoundError, match='Train it first'):
        check_teacher(runner)


def test_misspelt_keys_of_losses_and_of_the_student_show_the_line(tmp_path):
    cfg = distilled_config('RetinaNet', teacher_of('RetinaNet', tmp_path))
    losses = cfg.pop('distillation')
    with pytest.raises(TypeError, match=r"unknown 'distilation'. Write .*, distillation=\[{'type'"):
        MODELS.build(dict(cfg, distilation=losses))
    wrong = [dict(type='surge_mmdet.PKD', weigth=3.0, levels=[0])]
    line = r"PKD: unknown 'weigth'.*dict\(type='surge_mmdet.PKD', weight=3.0, levels=\[0\]\)"
    with pytest.raises(ValueError, match=line):
        MODELS.build(dict(cfg, distillation=wrong))
