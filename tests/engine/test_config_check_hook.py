from types import SimpleNamespace

import pytest
from torch import nn

from surge_mmdet.engine import ConfigCheckHook

pytest_plugins = ['toy_training']


def head(classes, **children):
    module = nn.ModuleDict(children)
    module.num_classes = classes
    return module


@pytest.fixture
def runner_for(make_runner, net):
    """A Runner whose model has the given heads; the data has 2 classes."""

    def build(data=None, **heads):
        model = net()
        for name, module in heads.items():
            model.add_module(name, module)
        return make_runner(model, [ConfigCheckHook()], data=data)

    return build


def test_other_number_of_classes_is_refused_with_the_option(runner_for):
    with pytest.raises(ValueError) as error:
        runner_for(bbox_head=head(80)).train()
    text = str(error.value)
    assert 'bbox_head.num_classes is 80' in text
    assert "2 classes ('cat', 'dog')" in text
    assert '--cfg-options model.bbox_head.num_classes=2,' in text


def test_option_has_the_full_path_of_a_nested_head(runner_for):
    roi_head = nn.ModuleDict(dict(bbox_head=head(80)))
    with pytest.raises(ValueError, match=r'model\.roi_head\.bbox_head\.num'):
        runner_for(roi_head=roi_head).train()


def test_right_number_and_class_agnostic_rpn_pass(runner_for):
    runner_for(bbox_head=head(2), rpn_head=head(1)).train()


def test_a_backbone_without_classifier_passes(runner_for):
    runner_for(backbone_of_vgg=head(-1), bbox_head=head(2)).train()


@pytest.mark.parametrize('loop', ['train', 'val', 'test'])
def test_data_of_every_loop_is_compared(loop):
    data = SimpleNamespace(metainfo=dict(classes=('a', 'b', 'c')))
    runner = SimpleNamespace(model=nn.ModuleDict(dict(bbox_head=head(4))))
    setattr(runner, f'{loop}_dataloader', SimpleNamespace(dataset=data))
    with pytest.raises(ValueError, match='num_classes=3'):
        getattr(ConfigCheckHook(), f'before_{loop}')(runner)


def test_data_that_names_no_classes_is_not_judged(runner_for, random_data):
    random_data.metainfo = {}
    runner_for(random_data, bbox_head=head(80)).train()


def test_plain_torch_data_is_not_judged(runner_for, random_data):
    runner_for(list(random_data), bbox_head=head(80)).train()


@pytest.mark.parametrize('kept, warned', [(1, True), (2, False), (-1, False)])
def test_a_single_kept_checkpoint_is_warned_of(make_runner, net, caplog, kept, warned):
    saving = dict(type='CheckpointHook', interval=1, max_keep_ckpts=kept)
    runner = make_runner(net(), [ConfigCheckHook()], checkpoint=saving)
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert ('checkpoint=dict(max_keep_ckpts=2)' in caplog.text) == warned
