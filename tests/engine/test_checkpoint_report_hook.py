import pytest
import torch
from mmdet.models import ResNet
from mmengine.hooks import Hook
from mmengine.model import BaseModel

from surge_mmdet.engine import AGSHook, CheckpointReportHook
from surge_mmdet.engine.checks.method_record import method_of
from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinaryResNet

pytest_plugins = ['toy_training']


class Detector(BaseModel):
    """A narrow backbone, real-valued or binary, and one linear layer."""

    def __init__(self, backbone, depth=18, **options):
        super().__init__()
        self.backbone = backbone(depth, base_channels=8, **options)
        self.head = torch.nn.Linear(64, 1)

    def forward(self, inputs, targets, mode='loss'):
        inputs = torch.nn.functional.interpolate(inputs[:, :1], (32, 32))
        out = self.backbone(inputs.expand(-1, 3, -1, -1))[-1]
        return dict(loss=self.head(out.mean((2, 3))).square().mean())


@pytest.fixture
def real(tmp_path):
    """A real-valued detector and its checkpoint."""
    torch.manual_seed(5)
    model = Detector(ResNet)
    path = tmp_path / 'real.pth'
    weights = {**model.state_dict(), 'fc.weight': torch.zeros(3)}
    torch.save(dict(state_dict=weights, meta={}), path)
    return model, path


@pytest.fixture
def runner(make_runner):
    return make_runner(Detector(BinaryResNet), [CheckpointReportHook()])


def log_of(tmp_path):
    return next((tmp_path / 'work').rglob('*.log')).read_text()


def test_real_valued_detector_arrives_in_the_latent_weights(runner, real, tmp_path):
    runner.load_checkpoint(str(real[1]))
    want, got = real[0].backbone, runner.model.backbone
    assert got.layer3[1].conv2.weight.equal(want.layer3[1].conv2.weight)
    assert got.layer2[0].downsample[1].weight.equal(want.layer2[0].downsample[0].weight)
    assert got.layer2[0].downsample[2].running_var.equal(want.layer2[0].downsample[1].running_var)
    assert runner.model.head.weight.equal(real[0].head.weight)
    log = log_of(tmp_path)
    assert '1 left over: fc.weight' in log
    assert '17 missing: backbone.relu.weight, backbone.layer1.0.act1' in log
    assert 'aux_weight' not in log.rpartition('Checkpoint: ')[2].split('\n')[0]


def test_checkpoint_of_another_model_is_refused(runner, tmp_path):
    path = str(tmp_path / 'other.pth')
    torch.save(dict(state_dict=dict(other=torch.zeros(1))), path)
    with pytest.raises(ValueError, match='does not fit Detector: 0 tensors'):
        runner.load_checkpoint(path)


def test_binary_checkpoint_loads_unchanged(runner, tmp_path):
    saved = Detector(BinaryResNet).state_dict()
    path = str(tmp_path / 'binary.pth')
    torch.save(dict(state_dict=saved), path)
    runner.load_checkpoint(path)
    own = runner.model.state_dict()
    assert all(torch.equal(own[name], saved[name]) for name in saved)
    assert f'Checkpoint: {len(saved)} tensors matched\n' in log_of(tmp_path)


@pytest.mark.parametrize(
    'change',
    [
        lambda saved: saved['state_dict'],
        lambda saved: dict(state_dict={f'module.{k}': v for k, v in saved['state_dict'].items()}),
    ],
    ids=['weights_only_file', 'module_prefix'],
)
def test_forms_that_mmengine_loads_are_accepted(runner, real, tmp_path, change):
    path = str(tmp_path / 'form.pth')
    torch.save(change(torch.load(real[1], weights_only=False)), path)
    runner.load_checkpoint(path)
    assert (
        runner.model.backbone.layer2[0]
        .downsample[1]
        .weight.equal(real[0].backbone.layer2[0].downsample[0].weight)
    )


def test_training_starts_with_aux_weights_from_the_checkpoint(make_runner, real):
    seen = []

    class Look(Hook):
        priority = 'LOWEST'

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 0:
                conv = runner.model.backbone.layer1[0].conv1
                seen.append((conv.weight.clone(), conv.aux_weight.clone()))

    make_runner(
        Detector(BinaryResNet), [CheckpointReportHook(), AGSHook(), Look()], load_from=str(real[1])
    ).train()
    ((latent, auxiliary),) = seen
    assert latent.equal(real[0].backbone.layer1[0].conv1.weight)
    assert auxiliary.equal(latent)


def test_a_test_with_missing_weights_is_refused(runner, real):
    runner.load_checkpoint(str(real[1]))  # has no PReLU slopes
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointReportHook))
    with pytest.raises(ValueError, match='tools/test.py work_dirs'):
        hook.before_test(runner)


def test_a_test_with_all_weights_is_accepted(runner, tmp_path):
    path = tmp_path / 'own.pth'
    torch.save(dict(state_dict=runner.model.state_dict(), meta={}), path)
    runner.load_checkpoint(str(path))
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointReportHook))
    hook.before_test(runner)


@pytest.mark.parametrize(
    'trained, text', [(0, 'no layers were'), (1, 'accepted'), (None, 'accepted')]
)
def test_weights_of_a_float_twin_are_not_tested_as_binary_ones(runner, tmp_path, trained, text):
    names = [n for n, each in runner.model.named_modules() if isinstance(each, BinaryConv2d)]
    record = {n: method_of(runner.model.get_submodule(n)) for n in names[: (trained or 0) * 99]}
    meta = {} if trained is None else dict(surge_mmdet=dict(methods=record, optimizers={}))
    path = tmp_path / 'twin.pth'
    torch.save(dict(state_dict=runner.model.state_dict(), meta=meta), path)
    runner.load_checkpoint(str(path))
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointReportHook))
    if text == 'accepted':
        hook.before_test(runner)
        return
    with pytest.raises(ValueError, match=f'{text} trained as binary ones, and .* Test it with'):
        hook.before_test(runner)
    own = tmp_path / 'own.pth'  # the next checkpoint is judged by itself
    torch.save(dict(state_dict=runner.model.state_dict(), meta={}), own)
    runner.load_checkpoint(str(own))
    hook.before_test(runner)


def test_binary_weights_are_not_tested_as_real_ones(make_runner, tmp_path):
    model = Detector(ResNet)
    runner = make_runner(model, [CheckpointReportHook()])
    methods = {'backbone.layer1.0.conv1': 'BinaryConv2d(SignSTE, ChannelMean)'}
    meta = dict(surge_mmdet=dict(methods=methods, optimizers={}))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), tmp_path / 'b.pth')
    runner.load_checkpoint(str(tmp_path / 'b.pth'))
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointReportHook))
    with pytest.raises(ValueError, match='1 layers were trained as binary ones, and none are'):
        hook.before_test(runner)


def test_backbone_of_another_depth_is_refused_with_its_depth(make_runner, real):
    model = Detector(BinaryResNet, 34)
    runner = make_runner(model, [CheckpointReportHook()])
    before = model.backbone.conv1.weight.clone()
    with pytest.raises(ValueError) as error:
        runner.load_checkpoint(str(real[1]))
    assert "the checkpoint's backbone does not fit" in str(error.value)
    assert 'write depth=18, or' in str(error.value)
    assert model.backbone.conv1.weight.equal(before)


PLAIN = dict(policy=dict(layer=dict(surge=None)))


@pytest.mark.parametrize('first, second', [({}, PLAIN), (PLAIN, {})], ids=['off', 'on'])
def test_surge_may_be_switched_for_a_new_training(make_runner, tmp_path, first, second):
    saved = Detector(BinaryResNet, **first).state_dict()
    torch.save(dict(state_dict=saved), tmp_path / 'other.pth')
    runner = make_runner(Detector(BinaryResNet, **second), [CheckpointReportHook()])
    runner.load_checkpoint(str(tmp_path / 'other.pth'))
    own = runner.model.state_dict()
    assert own['backbone.layer3.1.conv2.weight'].equal(saved['backbone.layer3.1.conv2.weight'])


@pytest.mark.parametrize(
    'first, second, says',
    [({}, PLAIN, 'aux_weight'), (PLAIN, {}, 'aux_weight'), ({}, dict(depth=34), 'layer1.2')],
    ids=['off', 'on', 'depth'],
)
def test_a_resume_is_refused_in_its_own_words(make_runner, tmp_path, first, second, says):
    """Not in those of a checkpoint that starts a training: nobody wrote init_cfg."""
    options = dict(work_dir=str(tmp_path / 'run'), checkpoint=dict(type='CheckpointHook'))
    make_runner(Detector(BinaryResNet, **first), [CheckpointReportHook()], **options).train()
    model = Detector(BinaryResNet, **second)
    runner = make_runner(model, [CheckpointReportHook()], 2, resume=True, **options)
    with pytest.raises(ValueError, match='cannot be resumed: .*without --resume') as error:
        runner.train()
    assert says in str(error.value)
