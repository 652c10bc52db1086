"""The plan that the guide shows can be read and built."""

import re

from conftest import ROOT

from surge_mmdet.analysis.study import Change, load_plan

GUIDE = ROOT / 'docs/guides/compare_methods.md'


def test_the_plan_of_the_guide_is_one(tmp_path):
    text = re.search(r'```python\n(.*?)```', GUIDE.read_text(), re.S)[1]
    (tmp_path / 'plan.py').write_text(text)
    plan = load_plan(str(tmp_path / 'plan.py'), ROOT)
    assert list(plan.methods) == [
        *('FP32', 'STE', 'SURGE', 'eta 0.05', 'ReActNet', 'STE + PKD', 'recipe', 'BiDet')
    ]
    assert plan.rates('AdamW', 'eta 0.05') == (3e-3,)
    study = load_plan('tools/benchmark/plans/field_bccd.py', ROOT)
    assert plan.change('recipe') == study.change('polynomial + PKD + inherit')
    assert plan.change('STE + PKD') == study.change('STE + PKD')
    assert plan.change('STE + PKD').teacher == 'FP32'
    assert [loss['weight'] for loss in plan.change('BiDet').losses] == [0.5, 0.01]
    assert plan.change('ReActNet') == Change({'model.backbone.act_cfg.type': 'RPReLU'})
