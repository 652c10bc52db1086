from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from torch import nn

from surge_mmdet.engine import ConfigCheckHook
from surge_mmdet.engine.checks.classes import configured_classes

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


def test_a_semantic_head_has_classes_of_its_own(runner_for):
    """HTC's predicts the 183 of COCO stuff beside boxes of the data's classes."""
    roi_head = nn.ModuleDict(dict(bbox_head=head(2), semantic_head=head(183)))
    runner_for(roi_head=roi_head).train()


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


ABC, CBA, OTHER = ('a', 'b', 'c'), ('c', 'b', 'a'), ('x', 'y', 'z')


def named(classes):
    return SimpleNamespace(metainfo=dict(classes=classes))


class Run(SimpleNamespace):
    """What the hook may know of a Runner: data, config and what was loaded."""

    def __init__(self, train=ABC, val=ABC, test=ABC, resume=False, **built):
        sources = dict(train=train, val=val, test=test)
        loaders = {
            f'{role}_dataloader': dict(dataset=dict(type='Nothing', metainfo=dict(classes=names)))
            for role, names in sources.items()
            if names
        }
        super().__init__(
            model=nn.Module(),
            hooks=[],
            cfg=loaders,
            lines=[],
            _resume=resume,
            optim_wrapper=OptimWrapper(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)),
            **{
                f'{role}_dataloader': SimpleNamespace(dataset=named(names))
                for role, names in sources.items()
            },
        )
        self.logger = SimpleNamespace(warning=self.lines.append)
        vars(self).update(built)


def judge(loop, checkpoint=None, **options):
    """Load a checkpoint, if there is one, and begin a loop."""
    hook, runner = ConfigCheckHook(), Run(**options)
    if checkpoint is not None:
        meta = dict(dataset_meta=dict(classes=checkpoint)) if checkpoint else {}
        hook.after_load_checkpoint(runner, dict(meta=meta, state_dict={}))
    getattr(hook, f'before_{loop}')(runner)
    return hook, runner


KINDS = {  # what is begun, the data and the checkpoint, where the line goes
    'val of another order': ('train', dict(val=CBA), 'val'),
    'test of another order': ('train', dict(test=CBA), 'test'),
    'val of other classes': ('train', dict(val=OTHER), 'val'),
    'fewer in val': ('train', dict(val=ABC[:2]), 'val'),
    'start from another order': (
        'train',
        dict(train=CBA, val=CBA, test=CBA, checkpoint=ABC),
        'train',
    ),
    'resume of another order': (
        'train',
        dict(train=CBA, val=CBA, test=CBA, checkpoint=ABC, resume=True),
        'train',
    ),
    'resume of other classes': ('train', dict(checkpoint=OTHER, resume=True), 'train'),
    'a test alone': ('test', dict(test=CBA), 'test'),
    'a test of a checkpoint': ('test', dict(train=CBA, test=CBA, checkpoint=ABC), 'test'),
    'a validation alone': ('val', dict(val=CBA), 'val'),
    'a validation of a checkpoint': ('val', dict(train=CBA, val=CBA, checkpoint=ABC), 'val'),
}


@pytest.mark.parametrize('kind', KINDS)
def test_another_order_is_refused_with_the_line(kind):
    loop, options, role = KINDS[kind]
    with pytest.raises(ValueError) as error:
        judge(loop, **options)
    text = str(error.value)
    right = options.get('checkpoint', ABC)
    assert f'Write metainfo=dict(classes={right}) in ' in text
    assert f'{role}_dataloader.dataset' in text


@pytest.mark.parametrize('kind', KINDS)
def test_following_the_line_is_enough(kind):
    loop, options, _ = KINDS[kind]
    right = options.get('checkpoint', ABC)
    judge(loop, **{**options, 'train': right, 'val': right, 'test': right})


ACCEPTED = {
    'all alike': ('train', dict(checkpoint=ABC)),
    'lists': ('train', dict(val=list(ABC), checkpoint=list(ABC), resume=True)),
    'fine-tuning on other classes': ('train', dict(checkpoint=OTHER)),
    'on more classes': ('train', dict(checkpoint=ABC[:2])),
    'on fewer': ('train', dict(checkpoint=(*CBA, 'd'))),
    'a checkpoint that tells nothing': ('train', dict(checkpoint=(), resume=True)),
    'the same in a test': ('test', dict(checkpoint=())),
    'a test of another data set': ('test', dict(train=OTHER, test=ABC, checkpoint=ABC)),
    'no validation': ('train', dict(val=None, test=None)),
}


@pytest.mark.parametrize('kind', ACCEPTED)
def test_what_is_meant_is_not_refused(kind):
    loop, options = ACCEPTED[kind]
    _, runner = judge(loop, **options)
    assert runner.lines == []


def test_other_test_data_is_warned_of_before_training():
    """This training does not need it; a test of it would be refused."""
    _, runner = judge('train', test=OTHER)
    assert len(runner.lines) == 1 and 'test_dataloader.dataset' in runner.lines[0]


def test_a_validation_within_a_training_does_not_ask_the_start():
    hook, runner = judge('train', train=OTHER, val=OTHER, test=OTHER, checkpoint=ABC)
    hook.before_val(runner)
    hook.after_train(runner)
    with pytest.raises(ValueError, match='val_dataloader'):
        hook.before_val(runner)


def test_classes_that_only_the_data_knows_are_compared_before_training():
    """As folders of images: no config names them."""
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=named(CBA)))
    with pytest.raises(ValueError, match='val_dataloader'):
        judge('train', val=None, val_loop=loop)


def test_parts_of_a_concatenation_are_compared():
    parts = SimpleNamespace(metainfo=[dict(classes=ABC), dict(classes=CBA)])
    loader = SimpleNamespace(dataset=parts)
    with pytest.raises(ValueError, match='part 1') as error:
        judge('train', train_dataloader=loader)
    assert f'Write metainfo=dict(classes={ABC})' in str(error.value)
    parts.metainfo = [dict(classes=ABC, name='first'), dict(classes=ABC, name='second')]
    judge('train', train_dataloader=loader)


@pytest.mark.parametrize('categories, refused', [(ABC, False), (CBA, True), (ABC[1:], True)])
def test_the_evaluators_own_file_is_compared(categories, refused):
    api = SimpleNamespace(dataset=dict(categories=[dict(name=name) for name in categories]))
    evaluator = SimpleNamespace(metrics=[SimpleNamespace(_coco_api=api), SimpleNamespace()])
    if not refused:
        judge('test', test_evaluator=evaluator)
        return
    with pytest.raises(ValueError, match='ann_file') as error:
        judge('test', test_evaluator=evaluator)
    assert str(categories) in str(error.value) and str(ABC) in str(error.value)


@pytest.mark.parametrize(
    'node',
    [
        dict(metainfo=dict(classes=ABC)),
        dict(type='RepeatDataset', times=3, dataset=dict(metainfo=dict(classes=ABC))),
        dict(type='ConcatDataset', datasets=[dict(metainfo=dict(classes=list(ABC)))] * 2),
    ],
    ids=['plain', 'repeated', 'concatenated'],
)
def test_configured_classes_are_found_inside_wrappers(node):
    assert configured_classes(node) == ABC


def test_a_data_set_without_metainfo_has_the_classes_of_its_type():
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert len(configured_classes(dict(type='surge_mmdet.CocoDataset'))) == 80
    assert configured_classes(None) is None and configured_classes([]) is None
