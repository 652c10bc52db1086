"""One folder, one plan: what is refused before anything is trained."""

from dataclasses import replace

import pytest
from analysis.study.small_comparison import PLAN, QUICK, comparison, study

from surge_mmdet.analysis.left_files import DamagedFile
from surge_mmdet.analysis.study import Change, Study, check_unfinished, claim
from surge_mmdet.analysis.study.runs import read_parts
from surge_mmdet.analysis.study.runs.results import packed_outcome

HALF = (
    '{"methods": {}, "options": 3}',
    '{"methods": {}, "optimizers": 3}',
    '{"methods": {"STE": [null]}}',
)
SGD = PLAN.optimizers['SGD']


def test_a_plan_may_grow_and_shrink(tmp_path):
    claim(study(tmp_path))
    claim(study(tmp_path))
    smaller = replace(PLAN, methods={'STE': PLAN.methods['STE']}, changes={}, seeds=(7,))
    claim(study(tmp_path, smaller))
    more = replace(smaller, methods={**smaller.methods, 'new': None}, baseline='new')
    claim(study(tmp_path, replace(more, optimizers={'SGD': dict(SGD, lrs=(1.0,))})))
    # What was left out in between is not forgotten.
    with pytest.raises(ValueError, match=r"methods\['FP32'\]\['policy'\] was None and is "):
        claim(study(tmp_path, replace(PLAN, methods={'FP32': PLAN.methods['STE']})))


@pytest.mark.parametrize(
    'change, text',
    [
        (dict(tune_share=0.5), 'tune_share was 0.8 and is 0.5'),
        (dict(tune_seed=9), 'tune_seed was 0 and is 9'),
        (dict(config='/other/place/b.py'), "config was 'faster-.*.py' and is 'b.py'"),
        (dict(changes={}), r"methods\['student'\]\['distillation'\] was .*PKD.* and is \[\]"),
        (
            dict(changes={**PLAN.changes, 'STE': Change({'a': 1})}),
            r"methods\['STE'\]\['config'\]\['a'\] was not there and is 1",
        ),
        (
            dict(changes={'student': replace(PLAN.changes['student'], inherit=('neck',))}),
            r"methods\['student'\]\['inherit'\] was not there and is \['neck'\]",
        ),
        (dict(optimizers={'SGD': dict(SGD, optimizer=dict(type='Adam'))}), r"optimizers\['SGD'\]"),
    ],
)
def test_another_plan_in_the_same_folder_is_refused(tmp_path, change, text):
    claim(study(tmp_path))
    before = (tmp_path / 'plan.json').read_text()
    with pytest.raises(ValueError, match=f'belongs to another plan: .*{text}.*Write --work-dir '):
        claim(study(tmp_path, replace(PLAN, **change)))
    assert (tmp_path / 'plan.json').read_text() == before


def test_no_value_and_none_differ(tmp_path):
    claim(study(tmp_path))
    surge = dict(layer={})  # SURGE is the default
    with pytest.raises(ValueError, match=r"\['surge'\] was None and is not there"):
        claim(study(tmp_path, replace(PLAN, methods={**PLAN.methods, 'STE': surge})))
    without_clipping = study(tmp_path)
    without_clipping.options['optim_wrapper.clip_grad'] = None
    with pytest.raises(ValueError, match='clip_grad.* was not there and is None'):
        claim(without_clipping)


def test_a_folder_from_before_students_inherited_is_the_same_plan(tmp_path):
    claim(study(tmp_path))
    assert 'inherit' not in (tmp_path / 'plan.json').read_text()


def test_a_config_at_another_place_is_the_same(tmp_path):
    claim(study(tmp_path))
    name = PLAN.config.rsplit('/', 1)[-1]
    claim(study(tmp_path, replace(PLAN, config=f'/another/checkout/{name}')))


def test_other_options_are_another_plan(tmp_path):
    claim(study(tmp_path))
    told = r"options\['fake.ap'\] was .* and is 0.9. Write --cfg-options train_cfg.* --work-dir"
    with pytest.raises(ValueError, match=told):
        claim(study(tmp_path, ap=0.9))


def test_another_plan_with_other_options_is_told_of_its_plan(tmp_path):
    claim(study(tmp_path))
    with pytest.raises(ValueError, match='belongs to another plan: tune_seed was 0 and is 9. '):
        claim(study(tmp_path, replace(PLAN, tune_seed=9), ap=0.9))


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"methods": 3}', '{"methods": 3', *HALF])
def test_a_damaged_plan_file_is_named_and_stays(tmp_path, text):
    (tmp_path / 'plan.json').write_text(text)
    with pytest.raises(ValueError, match=f'{tmp_path}/plan.json is not what this .*Remove it, '):
        claim(study(tmp_path))
    assert (tmp_path / 'plan.json').read_text() == text


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"AP": 0.5}', '{"AP": 0.5, "AP5'])
def test_a_damaged_result_is_named_wherever_it_is_read(tmp_path, text):
    comparison(tmp_path).work()
    file = tmp_path / 'SGD_STE_lr0.1_seed2/result.json'
    file.write_text(text)
    told = f'{file} is not what this package writes: .*Remove it: that run is trained again.'
    for read in (study(tmp_path).write_tables, comparison(tmp_path).work):
        with pytest.raises(ValueError, match=told):
            read()
    file.unlink()
    comparison(tmp_path).work()
    assert file.exists()


def test_without_the_file_of_the_plan_finished_runs_are_compared(tmp_path):
    done = comparison(tmp_path)
    claim(done.studies[0])
    done.work()
    (tmp_path / 'plan.json').unlink()
    check_unfinished(study(tmp_path), ['SGD'])
    longer = study(tmp_path)
    longer.options['train_cfg.max_epochs'] = 4
    with pytest.raises(ValueError, match='train_cfg.max_epochs was 2 and is 4'):
        check_unfinished(longer, ['SGD'])


def test_a_config_that_was_edited_behind_finished_runs_is_refused(tmp_path, monkeypatch):
    done = comparison(tmp_path)
    claim(done.studies[0])
    done.work()
    check_unfinished(study(tmp_path), ['SGD'])
    change = {'val_dataloader.dataset.data_root': '/elsewhere/'}
    edited(monkeypatch, change)
    check_unfinished(study(tmp_path), ['SGD'])
    edited(monkeypatch, {'train_cfg.max_epochs': 4})
    with pytest.raises(ValueError, match='train_cfg.max_epochs was 2 and is 4.*other --work-dir'):
        check_unfinished(study(tmp_path), ['SGD'])


def edited(monkeypatch, change: dict) -> None:
    """Let every study read its config with a change that no option tells of."""

    def config(self, run):
        cfg = read(self, run)
        cfg.merge_from_dict(change)
        return cfg

    read = Study.config
    monkeypatch.setattr(Study, 'config', config)


@pytest.mark.parametrize(
    'name, text, mend',
    [
        ('costs.json', '{"methods"', 'measure with --costs once more'),
        ('SGD_STE_lr0.1_seed2/packed_val.json', '{}', 'counts as one that was not validated'),
        ('SGD_STE_lr0.1_seed2/packed_val.json', '{"metrics": 3}', 'has no metrics. Remove it'),
        ('SGD_STE_lr0.1_seed2/trained.json', '{}', 'conditions of this run are not recorded'),
    ],
)
def test_other_damaged_files_are_named_with_what_to_do(tmp_path, name, text, mend):
    comparison(tmp_path).work()
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(DamagedFile, match=f'{file} is not what this package writes: .*{mend}'):
        if name == 'costs.json':
            study(tmp_path).write_tables()
        elif 'packed' in name:
            packed_outcome(file.parent)
        else:
            read_parts(file.parent)


def test_a_run_begun_with_another_config_is_refused_before_the_others_train(tmp_path):
    comparison(tmp_path).work()
    check_unfinished(study(tmp_path), ['SGD'])
    (tmp_path / 'SGD_STE_lr0.1_seed2/result.json').unlink()
    check_unfinished(study(tmp_path), ['SGD'])
    file = tmp_path / 'SGD_STE_lr0.1_seed2/planned/run.py'
    file.write_text(file.read_text().replace('max_epochs=2', 'max_epochs=3'))
    with pytest.raises(ValueError, match='train_cfg.max_epochs was 3 and is 2. .*--work-dir'):
        check_unfinished(study(tmp_path), ['SGD'])
    assert QUICK['train_cfg.max_epochs'] == 2
