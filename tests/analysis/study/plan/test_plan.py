"""Plans: named and own methods, the old word, and what is refused."""

import ast
import re
from dataclasses import replace

import pytest
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.analysis.loading import load_config
from surge_mmdet.analysis.study import Change, load_plan, load_plans
from surge_mmdet.analysis.study.plan import read_methods
from surge_mmdet.analysis.study.plan.composed import LINES
from surge_mmdet.methods import METHODS

PLAN = ROOT / 'tools/benchmark/plans/bccd.py'
OWN = dict(layer=dict(surge=dict(eta=1.0)))


RULE = dict(type='SGD')
SGD = dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(0.1,)))
PKD = dict(type='surge_mmdet.PKD', weight=6.0)


def write(folder, changes: dict) -> None:
    """The shipped plan with these lines changed, or without those of None."""
    values = Config.fromfile(PLAN).to_dict() | changes
    Config({k: v for k, v in values.items() if v is not None}).dump(folder / 'plan.py')


def load(folder, changes: dict):
    """The plan of these lines."""
    write(folder, changes)
    return load_plan(str(folder / 'plan.py'), ROOT)


def taught(**changes) -> dict:
    """An own method with a teacher."""
    return {'mine': {**dict(method='ste', teacher='fp32', distillation=[PKD]), **changes}}


def test_an_own_method_names_a_policy_its_teacher_and_changes_of_the_config(tmp_path):
    methods = ['fp32', 'ste', taught(config={'a.b': 1}), {'own': dict(layer=OWN, config={'c': 2})}]
    plan = load(tmp_path, dict(methods=methods, optimizers=SGD))
    assert plan.methods['mine'] == METHODS['ste'].policy()
    assert plan.change('mine') == Change({'a.b': 1}, 'FP32', (PKD,))
    own = dict(methods=['fp32', taught(inherit=['neck'])], baseline='fp32', optimizers=SGD)
    inherits = load(tmp_path, own)
    assert inherits.change('mine').inherit == ('neck',)
    assert plan.methods['own'] == dict(layer=OWN) and plan.change('own') == Change({'c': 2})
    assert plan.change('STE') == Change() and set(plan.changes) == {'mine', 'own'}
    assert plan.tune_share == 0.8


def test_a_plan_may_have_several_data_sets(tmp_path):
    config = Config.fromfile(PLAN).config
    other = config.replace('_6e_', '_24e_')
    changes = dict(config=None, configs={'BCCD': config, 'again': other}, methods=['ste'])
    write(tmp_path, changes | dict(optimizers=SGD))
    plans = load_plans(str(tmp_path / 'plan.py'), ROOT)
    assert [plan.dataset for plan in plans] == ['BCCD', 'again']
    assert [plan.config for plan in plans] == [str(ROOT / config), str(ROOT / other)]
    with pytest.raises(ValueError, match='has 2 data sets'):
        load_plan(str(tmp_path / 'plan.py'), ROOT)


def test_the_field_is_a_plan():
    plan = load_plan(str(PLAN.with_name('field_bccd.py')), ROOT)
    pairs = [('STE', 'SURGE')] + [
        (name, f'{name} + SURGE') for name in ('polynomial', 'EDE', 'ReActNet', 'ReCU')
    ]
    assert {'FP32', *(name for pair in pairs for name in pair)} < set(plan.methods)
    for plain, surge in [*pairs, ('STE + PKD', 'SURGE + PKD')]:
        layers = [plan.methods[name]['layer'] for name in (plain, surge)]
        assert layers[1] == {**layers[0], 'surge': dict(eta=0.1)}
        assert plan.change(plain) == plan.change(surge)


def test_plans_on_other_data_are_trained_as_the_field_is():
    field = load_plan(str(PLAN.with_name('field_bccd.py')), ROOT)
    others = load_plans(str(PLAN.with_name('field_other_data.py')), ROOT)
    assert [plan.dataset for plan in others] == ['digits', 'coco20']
    for plan in others:
        assert {name: field.methods[name] for name in plan.methods} == plan.methods
        assert all(plan.change(name) == field.change(name) for name in plan.methods)
        assert load_config(plan.config).train_cfg.max_epochs == 24


def test_named_methods_have_the_options_of_the_list():
    plan = load_plan(str(PLAN), ROOT)
    assert plan.baseline == 'STE'
    named = [METHODS[word] for word in Config.fromfile(PLAN).methods]
    assert plan.methods == {method.label: method.policy() for method in named}
    assert not plan.changes
    assert plan.rates('AdamW', 'norm-preserving') == (3e-3, 1e-2, 3e-2)
    assert plan.rates('SGD', 'FP32') == ()


def test_own_methods_stand_beside_named_ones():
    found, changes = read_methods(['fp32', {'eta 1': OWN, 'real': None}, 'surge'])
    assert list(found) == ['FP32', 'eta 1', 'real', 'SURGE']
    assert found['eta 1'] == OWN and found['FP32'] is found['real'] is None
    assert all(change == Change() for change in changes.values())
    assert read_methods({'eta 1': OWN})[0] == {'eta 1': OWN}


def test_plans_of_release_0_2_still_work(tmp_path):
    old = dict(
        methods=None,
        contestants={'FP32': None, 'STE': dict(layer=dict(surge=None)), 'mine': OWN},
        baseline='STE',
        optimizers={'SGD': dict(optimizer=dict(type='SGD'), lrs=(0.1,), own={'mine': (0.2,)})},
    )
    plan = load(tmp_path, old)
    assert plan.methods == old['contestants'] and plan.baseline == 'STE'
    assert plan.rates('SGD', 'mine') == (0.2,)
    with pytest.raises(ValueError, match='Write methods alone'):
        load(tmp_path, old | dict(methods=['ste']))


def test_the_old_path_of_the_shipped_plan_is_redirected(capsys):
    old = 'configs/ablation/plan_bccd.py'
    assert not (ROOT / old).exists()
    assert load_plan(old, ROOT) == load_plan(str(ROOT / old), ROOT) == load_plan(str(PLAN), ROOT)
    told = capsys.readouterr().err
    assert f'{old} has moved to tools/benchmark/plans/bccd.py' in told


@pytest.mark.parametrize(
    'path, what', [('nothing.py', 'does not exist'), (str(ROOT / 'README.md'), 'is no plan')]
)
def test_a_path_that_is_no_plan_shows_one_that_is(path, what):
    with pytest.raises(ValueError, match=f'{path} {what}. Write compare_methods.py tools/bench'):
        load_plan(path, ROOT)


@pytest.mark.parametrize(
    'text, told',
    [
        ('a = 1\nseeds = (1, 2\nb = 2\n', "line 2: SyntaxError: .*Mend 'seeds = .1, 2'"),
        ('a = 1\n\nb = c\n', "line 3: NameError: name 'c' is not defined"),
    ],
)
def test_a_plan_that_is_no_python_is_told_by_its_line(tmp_path, text, told):
    (tmp_path / 'plan.py').write_text(text)
    with pytest.raises(ValueError, match=f'plan.py: {told}'):
        load_plan(str(tmp_path / 'plan.py'), ROOT)


@pytest.mark.parametrize(
    'change, text',
    [
        (dict(baseline='STEE'), "'STEE' is no method of the plan. Write baseline='STE'"),
        (dict(baseline='tied', methods=['ste', 'surge']), "'tied' is no method of the plan"),
        (dict(modules=None), r"lacks these lines:\nmodules = \('backbone'"),
        (dict(methods=None), r"lacks these lines:\nmethods = \['ste', "),
        (dict(config='nothing.py'), r'is no file\. Write .*, such as config = .configs/'),
        (dict(seeds=1), r'Write seeds = \(1,\)'),
        (dict(seeds=(0, 1)), r'0, which stands in tune_seed.*Write seeds = \(1,\)'),
        (dict(seeds=['0', '2']), r"'0', and seeds are whole numbers. Write seeds = \(2,\)"),
        (dict(seeds=['1', '2']), r'Write seeds = \(1, 2\)'),
        (dict(seeds='12'), r"seeds: '12' is no tuple of whole numbers. Write seeds = \(1, 2\)"),
        (dict(seeds=(1, 2.5)), r'has 2.5, and seeds are .*Write seeds = \(1,\)'),
        (dict(seeds=(True, 2)), r'has True, and seeds are .*Write seeds = \(2,\)'),
        (dict(seeds=(1, -2)), r'has -2, and seeds are .*Write seeds = \(1,\)'),
        (dict(seeds=(1, 1)), r'has 1 twice: one training would .*Write seeds = \(1,\)'),
        (dict(seeds=(0, 0)), r'Write seeds = \(1, 2\)'),
        (dict(tune_seed='0'), r"tune_seed='0' is no whole number. Write tune_seed = 0"),
        (dict(tune_seed=None, tune_seeds=7), r'has no tune_seeds. Write\ntune_seed = 7'),
        (dict(tune_shar=0.5), r'has no tune_shar. Write\ntune_share = 0.5'),
        (dict(more_sedes={'ste': (3,)}), r"has no more_sedes. Write\nmore_seeds = {'ste': \(3,\)}"),
        (
            dict(seeds=None, seedz=(1,), method=['ste']),
            r'no method, seedz. Write\nmethods = \[.ste',
        ),
        (dict(optimizers=None, opts={}), r"optimizers = {'AdamW'.*  # opts is another name"),
        (dict(methods='ste'), r"write methods=\('ste', \)"),
        (dict(methods=['ste', 'tide']), "unknown 'tide'.*Write 'tied'"),
        (dict(methods=['ste', 'ReActNet']), "Write {'ReActNet': dict.method='rsign', config="),
        (dict(methods=['ste', {'a': dict(method='recipe')}]), "Write {'recipe': .*inherit="),
        (
            dict(methods=['ste', {'a': dict(method='surge', eta=0.05)}]),
            r"eta is an option of surge. Write {'a': dict\(layer={'surge': {'eta': 0.05}}\)}",
        ),
        (
            dict(methods=['ste', {'a': dict(layer=dict(branch='tied', surge=dict(eta=1.0)))}]),
            r"Write {'a': dict\(layer={'surge': {'eta': 1.0, 'branch': 'tied'}}\)}",
        ),
        (
            dict(methods=['ste', {'a': dict(surge=dict(eta=0.05), real={'b': 'c'})}]),
            r"surge is an option of layer. Write {'a': dict\(layer={'surge': {'eta': 0.05}}, real=",
        ),
        (dict(methods=['ste', 'ste']), r"'STE' stands in methods twice.*{'STE 2': {'layer'"),
        (
            dict(methods=['ste', {'a b': None, 'a-b': None}]),
            r"'a-b' has no .*Write {'a-b 2': None}",
        ),
        (dict(optimizers=dict(SGD=dict(lrs=(1,)))), 'needs optimizer and lrs'),
        (dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=0.1))), r'Write \(0.1, \)'),
        (dict(optimizers={}), 'names none. Write optimizers = {'),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lr=(1,)))),
            r"unknown 'lr'.*dict\(lrs=\(1,\)",
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=(-3e-3,)))),
            r'-0.003 is .*Write \(0.003,',
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=('3e-3',)))),
            r'no learn.*Write \(0.003,',
        ),
        (dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=(0.1, 0.1)))), r'twice. Write \(0.1,\)'),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=(1,), own=dict(surge=(0,))))),
            r"own={'SURGE': ...}, lrs=\(0,\): 0 is no learning rate",
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=(1,), own=dict(STE=())))),
            'leaves the baseline',
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=(1,), own=dict(tide=(1,))))),
            r"Write own={'tied': \[?\(?1",
        ),
        (
            dict(optimizers=dict(S=dict(optimizer=RULE, lrs=(1,), own=dict(ste=(1,), xyz=(1,))))),
            r"own: 'xyz' is no method of the plan. Write own={'ste': \[?\(?1[^a-z]*}",
        ),
        (dict(tune_share=1.0), 'tune_share=1.0 is no share.*Write tune_share = 0.8'),
        (dict(configs={'a': 'b.py'}), 'needs either config or configs'),
        (dict(config=None), 'needs either config or configs'),
        (dict(config=None, configs={'a b': 'b.py'}), "'a b' is no folder name. Write 'a-b'"),
        (dict(config=None, configs=['b.py']), "Write configs = {'BCCD': "),
        (
            dict(methods=['ste', taught(teacher='fp64')], optimizers=SGD),
            r"'fp64' is no method of the plan. Write teacher='fp32', and methods = \['fp32', ...\]",
        ),
        (
            dict(methods=['ste', taught()], optimizers=SGD),
            "teacher='fp32' is no method of the plan. Write methods = .'fp32', ...., which trains",
        ),
        (
            dict(methods=['fp32', 'ste', taught(teacher='stee')], optimizers=SGD),
            "teacher='stee' is no method of the plan. Write teacher='STE'",
        ),
        (
            dict(methods=['fp32', 'ste', taught(teacher='min')], optimizers=SGD),
            "teacher='min' is no method of the plan. Write teacher='fp32'",
        ),
        (
            dict(methods=['ste', taught(teacher='mine')], optimizers=SGD),
            r"'mine': it is its own teacher. Write teacher='fp32', and methods = \['fp32', ...\]",
        ),
        (
            dict(methods=['ste', taught(distillation=())], optimizers=SGD),
            'teacher and distillation belong toge',
        ),
        (
            dict(methods=['fp32', taught(inherit='neck')], optimizers=SGD),
            r"method 'mine': teacher: inherit='neck' is no list of parts. Write inherit=\['neck'\]",
        ),
        (
            dict(methods=[dict(mine=dict(method='ste', inherit=['neck']))], optimizers=SGD),
            'inherit names parts that start from the weights of a teacher',
        ),
        (
            dict(methods=['fp32', dict(mine=dict(layer=OWN, techer='fp32', distilation=[PKD]))]),
            r"unknown '(techer|dist.*)', '.*'. Write {'mine': dict\(.*layer={.*teacher='fp32'",
        ),
        (
            dict(methods=['fp32', dict(mine=dict(layer=OWN, teacher='fp32'))]),
            r"Write {'mine': dict\(layer={.*, teacher='fp32', distillation=\[{'type': 'surge",
        ),
        (dict(methods=['ste', taught(method=None)], optimizers=SGD), 'unknown None'),
        (
            dict(methods=['ste', taught(layer={})], optimizers=SGD),
            'needs either method=, a name of the list, or',
        ),
        (
            dict(methods=['ste', taught(distillation='PKD')], optimizers=SGD),
            r"Write distillation=\[{'type': 'surge_mmdet.PKD'}\]",
        ),
        (dict(methods=['ste', taught(distillation=['PDK'])]), r"Write distillation=.*\.PKD'}\]"),
        (dict(methods=['ste', {'a': dict(method='ste', losses='Bottleneck')}]), '.InformationBott'),
        (
            dict(methods=['ste', taught(distillation=[dict(typ='surge_mmdet.CWD', weight=5.0)])]),
            r"Write distillation=\[{'type': 'surge_mmdet.CWD', 'weight': 5.0}\]",
        ),
        (dict(methods=['ste', {'a': dict(method='ste', losses=None)}]), 'Leave losses out'),
        (
            dict(methods=['ste', {'a': dict(layer={}, foo=1)}]),
            r"method 'a': key: unknown 'foo'.*Write {'a': dict\(layer={}\)}",
        ),
        (dict(methods=['ste', {'a': dict(layer={}, binary=3)}]), 'binary must be a list of patt'),
        (
            dict(optimizers=dict(A=dict(optimizer=dict(typ='SGD', momentum=0.9), lrs=(1,)))),
            r"Write optimizer=dict\(momentum=0.9, type='SGD'\)",  # Config.dump sorts
        ),
        (dict(methods=['ste', {'my STE': 'ste'}]), "Write {'my STE': dict.method='ste'.}"),
        (dict(methods=['ste', {'a': ['ste']}]), "Write {'a': dict.method='ste'.}"),
        (dict(methods=['ste', {'a': dict(layer='tied')}]), "Write {'a': dict.method='tied'.}"),
        (dict(methods=['ste', {'a': dict(layer=3)}]), "Write {'a': dict.layer={'surge': None}.}"),
        (
            dict(methods=['ste', {'a': dict(layer=dict(surge='tied'))}]),
            "method 'a': surge must be a dict or None, got 'tied'",
        ),
        (
            dict(methods=['ste', {'a': dict(method='ste', real={'stem': 'small'})}]),
            "method 'a' needs either method=",
        ),
        (
            dict(methods=['ste', {'a': dict(layer={}, real=['stem'])}]),
            "method 'a': policy: real must be a dict, got.*Write {'a': dict.real={'layer4",
        ),
        (
            dict(methods=['ste', {'a': dict(method='ste', config='RPReLU')}]),
            "Write config={'model.backbone.act_cfg.type': 'RPReLU'}",
        ),
        (dict(methods=['ste', {'a': dict(method=['ste'])}]), r"method: unknown \['ste'\]"),
        (dict(methods=['ste', {3: None}]), "methods: 3 is no label. Write {'3': None}"),
        (dict(methods=3), r"methods=3 is no list. Write methods = \['ste'"),
        (dict(modules='backbone'), r"modules='backbone' is .*Write modules = \('backbone', \)"),
        (dict(modules=(1,)), r"modules=.* is no list of parts .*Write modules = \('backbone', 'n"),
        (dict(config=3), 'config=3 is no file'),
        (dict(baseline=['ste']), r"baseline=\['ste'\] is no method of the plan"),
        (
            dict(methods=['fp32', 'ste', taught(teacher=dict(config='a.py'))], optimizers=SGD),
            "a method is taught by another one of its methods. Write teacher='fp32'",
        ),
        (dict(methods=['fp32', taught(inherit=3)]), r"inherit=3 is no list.*\['backbone', 'neck'"),
        (
            dict(optimizers=dict(AdamW=dict(type='AdamW', lr=3e-3, weight_decay=0.05))),
            r"is an optimizer alone. Write optimizers = {'AdamW': dict\(optimizer=dict\("
            r"type='AdamW', weight_decay=0.05\), lrs=\(0.003,\)\)}",
        ),
        (
            dict(optimizers=dict(A=dict(type='SGD', lrs=(0.1,), own={'ste': (0.2,)}))),
            r"dict\(type='SGD'\), lrs=.0.1,?., own={'ste': .0.2,?.}\)}",
        ),
        (
            dict(optimizers=dict(A=dict(optimizer=dict(type='SGD', lr=0.1), lrs=(0.2,)))),
            r"optimizer has lr=0.1, .*dict\(optimizer=dict\(type='SGD'\), lrs=.0.2,?.\)}",
        ),
        (dict(methods=None, baseline=None, model=dict(type='SSD')), 'is the config of a detector'),
        (
            dict(methods=['ste', {'a': None, 'A': None}]),
            "'a' has no folder of its own: it would be that of 'A', where upper.*{'a 2': None}",
        ),
        (dict(methods=['ste', {'a/b': None}]), "'a/b': '/' can stand in .*Write {'a-b': None}"),
        (dict(methods=['ste', {'a | b': None}]), "Write {'a - b': None}"),
        (dict(methods=['ste', {'a\\nb': None}]), "Write {'a-b': None}"),
        (dict(methods=['ste', {'..': None}]), "methods: '..' is no label. Write {'mine': None}"),
        (dict(methods=['ste', {' ': None}]), "methods: ' ' is no label"),
        (dict(methods=[]), r"methods=\[\] has no method. Write methods = \['ste', 'surge'"),
        (
            dict(methods=['ste', {'a': dict(layer=dict(surge=dict(eta='0.2')))}]),
            r'Write surge=dict\(eta=0.2\)',
        ),
        (
            dict(optimizers=dict(A=dict(optimizer='SGD', lrs=(1,)))),
            r"optimizer='SGD'. Write optimizer=dict\(type='SGD'\)",
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer=RULE, lrs=()))),
            r"lrs=\(\) names no learning rate for the baseline 'STE'. Write lrs=\(0.001, 0.003\)",
        ),
        (
            dict(
                methods=['ste', 'fp32', taught()],
                optimizers=dict(SGD=dict(optimizer=RULE, lrs=(1,), own=dict(fp32=()))),
            ),
            "leaves out 'FP32', which teaches 'mine'. Write own={'FP32': .., 'mine': ..}",
        ),
        (
            dict(methods=['ste', dict(mine=dict(method='ste'))], optimizers=SGD),
            r"'mine' is 'STE' once more: .* in SGD. Take 'mine' out of methods, give it a rate of "
            r"its own, optimizers\['SGD'\] = dict\(own={'mine': \(3e-02,\)}, ...\), or leave it "
            r"out there, optimizers\['SGD'\] = dict\(own={'mine': \(\)}, ...\)",
        ),
        (
            dict(methods=['ste', dict(mine=dict(method='ste'))], optimizers=SGD, baseline='mine'),
            "'mine' is 'STE' once more: .* Take 'STE' out of methods",
        ),
        (
            dict(methods=['surge', 'ste', dict(mine=dict(layer=dict(surge={})))], optimizers=SGD),
            "'mine' is 'SURGE' once more",
        ),
        (
            dict(
                methods=['ste', dict(mine=dict(method='ste'))],
                optimizers=dict(
                    SGD=dict(optimizer=RULE, lrs=(0.1, 0.01), own=dict(mine=(0.01, 0.1)))
                ),
            ),
            "'mine' is 'STE' once more",
        ),
        (
            dict(
                methods=['ste', dict(mine=dict(method='ste'))],
                optimizers=dict(SGD=dict(SGD['SGD'], own=dict(mine=(0.2,))), Adam=dict(SGD['SGD'])),
            ),
            "'mine' is 'STE' once more: .* in Adam",
        ),
    ],
)
def test_a_broken_plan_is_named(tmp_path, change, text):
    with pytest.raises(ValueError, match=text) as refused:
        load(tmp_path, change)
    method = re.search(r'Write ({.*})\.', str(refused.value))
    if method:
        read_methods([eval(method[1])])  # the line that it shows is taken


def test_a_plan_may_name_its_config_by_a_path_and_leave_the_layer_open(tmp_path):
    lines = PLAN.read_text().replace("config = '", "from pathlib import Path\n\nconfig = Path('", 1)
    (tmp_path / 'plan.py').write_text(re.sub(r"(config = Path\('[^']*')", r'\1)', lines, count=1))
    assert load_plan(str(tmp_path / 'plan.py'), ROOT) == load_plan(str(PLAN), ROOT)
    methods, _ = read_methods([{'open': dict(layer=None, real={'layer4.*': 'small'})}])
    assert methods['open']['layer'] is None


def test_two_labels_of_one_method_differ_by_their_rates(tmp_path):
    SLOW = dict(SGD=dict(SGD['SGD'], own=dict(slow=(0.01,))))
    plan = load(tmp_path, dict(methods=['ste', dict(slow=dict(method='ste'))], optimizers=SLOW))
    assert plan.rates('SGD', 'STE') == (0.1,) and plan.rates('SGD', 'slow') == (0.01,)
    none = dict(SGD=dict(SGD['SGD'], own=dict(a=(), b=())))
    both = dict(a=dict(method='ste'), b=dict(method='ste'))
    assert load(tmp_path, dict(methods=['ste', both], optimizers=none)).rates('SGD', 'b') == ()


def test_a_method_may_have_more_seeds(tmp_path):
    plan = load(tmp_path, dict(more_seeds={'ste': (7, 8), 'surge': [7]}))
    assert plan.more_seeds == {'STE': (7, 8), 'SURGE': (7,)}
    assert plan.seeds_of('SURGE') == (*plan.seeds, 7) and plan.seeds_of('tied') == plan.seeds
    assert plan.all_seeds == (*plan.seeds, 7, 8)


@pytest.mark.parametrize(
    ('more', 'text'),
    [
        ({'ste': (1, 7)}, "Write more_seeds = {'STE': (7,)}"),  # in seeds already
        ({'ste': (0, 7)}, "Write more_seeds = {'STE': (7,)}"),  # the tuning seed
        ({'ste': (7, 7)}, "Write more_seeds = {'STE': (7,)}"),
        ({'ste': (1, 2)}, "Write more_seeds = {'STE': (4, 5)}"),  # none is left
        ({'ste': '34'}, "Write more_seeds = {'STE': (4, 5)}"),
        ({'ste': (7,), 'STE': (8,)}, "'STE' is there twice, as 'STE' and 'ste'"),
        ({'ste': 7}, "Write more_seeds = {'STE': (7,)}"),
        ({'stee': (7,)}, "Write more_seeds = {'STE': (7,)}"),
        (
            {'surge': (7,)},
            "Write more_seeds = {'SURGE': (7,), 'STE': (7,)}",
        ),  # nothing to compare with
        ({'surge': (7, 8), 'ste': (7,)}, "Write more_seeds = {'STE': (7, 8), 'SURGE': (7, 8)}"),
    ],
)
def test_more_seeds_that_cannot_be_are_refused(tmp_path, more, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        load(tmp_path, dict(more_seeds=more))


def test_a_student_has_no_seed_that_its_teacher_lacks(tmp_path):
    methods = ['fp32', 'ste', taught()]
    more = {'mine': (7,), 'ste': (7,)}
    with pytest.raises(ValueError, match=re.escape("lacks seeds of 'FP32' (needed by 'mine')")):
        load(tmp_path, dict(methods=methods, optimizers=SGD, more_seeds=more))


def test_all_who_lack_seeds_of_others_are_named_with_one_line(tmp_path):
    """The student's baseline and its teacher, and the teacher of the baseline."""
    other = dict(taught(), base=taught(method='surge')['mine'])
    changes = dict(methods=['fp32', other], optimizers=SGD, baseline='base')
    with pytest.raises(ValueError, match=r"'base' \(needed by 'mine'\), 'FP32' \(need") as error:
        load(tmp_path, dict(changes, more_seeds={'mine': (7, 8)}))
    line = str(error.value).partition('Write more_seeds = ')[2].rstrip('.')
    plan = load(tmp_path, dict(changes, more_seeds=ast.literal_eval(line)))
    assert plan.more_seeds == {name: (7, 8) for name in ('mine', 'base', 'FP32')}


def test_a_plan_may_have_variables_of_its_own(tmp_path):
    """Those of the shipped plans, and common ones."""
    own = dict.fromkeys(['reactnet', 'loss', 'pkd', 'whole', 'three', 'ten', 'adamw', 'rates'], 1)
    assert load(tmp_path, own) == load(tmp_path, {})


def test_a_plan_on_the_tuning_seed_alone_is_one(tmp_path):
    assert load(tmp_path, dict(seeds=())).seeds == ()


def test_lines_of_composed_methods_are_methods():
    for line in LINES.values():
        ((label, given),) = eval(line).items()  # noqa: S307
        assert read_methods(['fp32', {label: given}])[1][label] != Change()
    study = load_plan('tools/benchmark/plans/field_bccd.py', ROOT)
    recipe = read_methods([eval(LINES['recipe'])])[1]['recipe']  # noqa: S307
    assert replace(recipe, teacher='FP32') == study.change('polynomial + PKD + inherit')
