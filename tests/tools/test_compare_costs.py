"""The tool's --costs, and the report that it and --tables leave."""

import json
import runpy
import sys

from analysis.study.synthetic_study import synthetic_result
from conftest import ROOT, tiny_config
from mmengine.config import Config

from surge_mmdet.analysis.tables import read_record

TOOL = ROOT / 'tools/benchmark/compare_methods.py'
PLAN = ROOT / 'tools/benchmark/plans/field_bccd.py'


def plan_on_two_data_sets(folder):
    """A plan file; its data sets are both the tiny one."""
    source = Config.fromfile(PLAN).to_dict()
    config = str(tiny_config(ROOT / source.pop('config'), folder))
    changes = dict(
        configs={'one': config, 'two': config},
        methods=['fp32', 'ste'],
        seeds=(1, 2),
        more_seeds={},
        optimizers=dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(3e-3,))),
    )
    Config({**source, **changes}).dump(folder / 'plan.py')
    return folder / 'plan.py'


def test_costs_are_measured_and_reported(monkeypatch, tmp_path, capsys):
    out = tmp_path / 'out'

    def main(*arguments):
        line = [TOOL, plan_on_two_data_sets(tmp_path), '--work-dir', out, *arguments]
        monkeypatch.setattr(sys, 'argv', list(map(str, line)))
        return runpy.run_path(str(TOOL))['main']()

    for name in ('one', 'two'):
        for method in ('FP32', 'STE'):
            for seed in (0, 1, 2):
                run = out / name / f'SGD_{method}_lr0.003_seed{seed}'
                run.mkdir(parents=True)
                result = synthetic_result(method, 3e-3, seed)
                (run / 'result.json').write_text(json.dumps(result))
    assert main('--costs') == 0
    assert '| STE | 0.003' in capsys.readouterr().out
    joint = (out / 'report.html').read_text()
    for name in ('one', 'two'):
        costs = json.loads((out / name / 'costs.json').read_text())
        assert costs['methods']['STE']['form'] == 'packed' and costs['threads'] == 1
        table = read_record(out / name / 'record.json')['SGD_costs']
        assert table.rows[1]['bytes'] == costs['methods']['STE']['bytes']
        assert f'{name} SGD' in joint and (out / name / 'report.html').exists()
