"""The files of a report, from made-up runs."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from analysis.study.synthetic_study import synthetic_costs, synthetic_plan, write_synthetic_study

from surge_mmdet.analysis.study.report import write_joint_report, write_report
from surge_mmdet.analysis.study.report.blocks import Grid, rich
from surge_mmdet.analysis.tables import Column, Table, read_record

ABOUT = dict(command='made up by a test', date='never', machine='none', versions={'torch': '0'})


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and their balance."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ('meta', 'link', 'br', 'img'):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag: str) -> list:
        return [attrs for found, attrs in self.tags if found == tag]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('study')
    plan = synthetic_plan()
    write_synthetic_study(folder, plan)
    (folder / 'costs.json').write_text(json.dumps(synthetic_costs(plan)))
    write_report(plan, folder, **ABOUT)
    return folder


@pytest.fixture(scope='module')
def text(folder):
    return (folder / 'report.html').read_text()


@pytest.fixture(scope='module')
def page(text):
    found = Page(text)
    assert not found.open
    return found


def test_the_page_needs_nothing_from_elsewhere(page, text):
    assert not page.all('script') and not page.all('link') and not page.all('img')
    for _, attrs in page.tags:
        for key in ('src', 'href', 'xlink:href'):
            assert attrs.get(key, '#').startswith('#'), attrs
    assert '@import' not in text and not re.search(r'url\((?!#)', text)


def test_ids_are_unique_and_what_points_at_them_is_there(page, text):
    ids = [attrs['id'] for _, attrs in page.tags if 'id' in attrs]
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:url\(#|href="#)([^)"]+)', text):
        assert target in ids
    for attrs in page.all('table'):
        assert attrs['aria-labelledby'] in ids


def test_it_can_be_read_without_seeing_it(page):
    assert page.all('html')[0]['lang'] == 'en'
    figures = page.all('svg')
    assert len(figures) == 7  # forest, dots, three of curves, two of costs
    for attrs in figures:
        assert attrs['role'] == 'img' and len(attrs['aria-label']) > 40
    assert any('STE + PKD' in attrs['aria-label'] for attrs in figures)
    assert len(page.all('figcaption')) == len(figures)
    heads = page.all('th')
    assert heads and all(attrs['scope'] in ('col', 'row') for attrs in heads)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch('h[1-6]', tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))


def test_it_suits_a_phone_and_the_dark(page, text):
    (view,) = [a for a in page.all('meta') if a.get('name') == 'viewport']
    assert view['content'].startswith('width=device-width')
    assert 'prefers-color-scheme: dark' in text
    drawn = text[text.index('<svg') :]
    assert not re.findall(r'(?:fill|stroke): ?#', drawn), 'a colour that the dark does not change'
    for name in set(re.findall(r'var\(--([\w-]+)\)', text)):
        assert text.count(f'--{name}:') == 2, f'{name} has no colour of its own in the dark'
    for attrs in page.all('svg'):
        assert 'width' not in attrs and attrs['viewbox']


def test_lost_runs_are_shown_as_such(text, folder):
    for name in ('report.html', 'report.md'):
        read = (folder / name).read_text()
        assert 'AdamW_TBN-(2-bit-input)_lr0.003_seed2' in read
        assert 'RuntimeError: something / happened' in read and 'counts as AP 0' in read
    assert '5, 1 failed' in text and '6, 1 diverged' in text


def test_both_kinds_of_intervals_are_named(text):
    assert 'this comparison alone, uncorrected' in text and 'corrected' in text
    assert 'this one alone]' in text and 'all together]' in text and 'Holm' in text


def test_commands_machine_and_rates_are_there(folder):
    for name in ('report.html', 'report.md'):
        read = (folder / name).read_text()
        assert 'made up by a test' in read and 'none' in read
        assert 'lr 0.001' in read and 'rest of them' in read


@pytest.mark.parametrize(
    'own, told, absent',
    [
        ({'STE': (0.003,)}, 'names a single one for STE.', 'none was tuned'),
        (None, 'names one for each: none was tuned', 'Learning rates tried'),
    ],
)
def test_rates_that_were_not_tuned_are_said_to_be_so(tmp_path, own, told, absent):
    plan = synthetic_plan()
    adamw = plan.optimizers['AdamW']
    adamw = dict(adamw, own=own) if own else dict(adamw, lrs=(0.003,))
    write_synthetic_study(tmp_path, plan)
    write_report(replace(plan, optimizers={'AdamW': adamw}), tmp_path, **ABOUT)
    text = (tmp_path / 'report.md').read_text()
    assert told in text and absent not in text
    assert ('AdamW_rates' in read_record(tmp_path / 'record.json')) == bool(own)


def test_an_incomplete_comparison_is_said_to_be_so_first(tmp_path):
    plan = synthetic_plan((1, 2))
    write_synthetic_study(tmp_path, plan, {('EDE', 2): dict(failed='x')})
    runs = len(plan.methods) * (2 + 2)

    def told(plan) -> str:
        write_report(plan, tmp_path, **ABOUT)
        text = (tmp_path / 'report.md').read_text()
        return text[: text.index('## ')].partition('is not complete: ')[2]

    assert told(plan).startswith(f'{runs - 1} of {runs} runs are finished, 1 failed.**\n')
    more = told(replace(plan, seeds=(1, 2, 3)))
    assert more.startswith(f'{runs - 1} of {runs + len(plan.methods)} runs are finished, 1 failed.')
    assert 'will change with the others' in more
    twice = plan.optimizers | {'SGD': plan.optimizers['AdamW']}
    assert told(replace(plan, optimizers=twice)).startswith(f'{runs - 1} of {2 * runs} runs')
    lost = next(tmp_path.glob('*EDE_*_seed2/result.json'))
    lost.write_text(next(tmp_path.glob('*EDE_*_seed1/result.json')).read_text())
    assert told(plan) == ''


def test_what_was_compared_tells_the_rates_of_each(tmp_path):
    plan = synthetic_plan((1, 2))
    adamw = dict(plan.optimizers['AdamW'], own={'STE': (0.003,)})
    write_synthetic_study(tmp_path, plan)
    for optimizers, ours, others in (
        ({'AdamW': adamw}, '0.003', '0.001, 0.003'),
        (
            {'AdamW': adamw, 'SGD': dict(adamw, lrs=(), own={'STE': (0.1,)})},
            'AdamW 0.003; SGD 0.1',
            'AdamW 0.001, 0.003; SGD -',
        ),
    ):
        write_report(replace(plan, optimizers=optimizers), tmp_path, **ABOUT)
        text = (tmp_path / 'report.md').read_text()
        rows = [line.strip('| ').split(' | ') for line in text.splitlines()]
        rates = {
            row[0]: row[2]
            for row in rows
            if 'layers' in str(row[1:2]) or 'surge=None' in str(row[1:2])
        }
        assert (rates['STE'], rates['FP32']) == (ours, others)


def test_times_of_several_machines_are_said_to_be_mixed(tmp_path):
    plan = synthetic_plan((1, 2))
    write_synthetic_study(tmp_path, plan)
    write_report(plan, tmp_path, **ABOUT)
    assert 'compare roughly only' not in (tmp_path / 'report.md').read_text()
    file = next(tmp_path.glob('*_STE_*_seed1/result.json'))
    result = json.loads(file.read_text())
    versions = dict(torch='2', surge_mmdet='0')
    result['trained'] = [dict(command='a', date='2026-01-01', machine='another', versions=versions)]
    file.write_text(json.dumps(result))
    write_report(plan, tmp_path, **ABOUT)
    text = (tmp_path / 'report.md').read_text()
    assert 'were trained in 2 environments' in text and 'compare roughly only' in text


def test_a_row_for_each_run(folder):
    rows = list(csv.DictReader((folder / 'results.csv').open()))
    plan = synthetic_plan()
    assert len(rows) == len(plan.methods) * (2 + len(plan.seeds))
    (failed,) = [row for row in rows if row['status'] == 'failed']
    assert failed['AP'] == '' and failed['failed'] == 'RuntimeError: something / happened'
    (ste,) = [r for r in rows if (r['method'], r['seed']) == ('STE', '1')]
    stored = json.loads((folder / 'AdamW_STE_lr0.003_seed1/result.json').read_text())
    assert float(ste['AP']) == stored['AP'] and ste['epochs'] == '24'


def test_the_record_has_the_tables_of_the_report(folder):
    tables = read_record(folder / 'record.json')
    assert set(tables) == {
        *('AdamW_rates', 'AdamW_seeds', 'AdamW_headline', 'AdamW_comparisons', 'AdamW_costs'),
        'lost',
    }
    report = (folder / 'report.md').read_text()
    for name in ('AdamW_headline', 'AdamW_comparisons', 'AdamW_costs', 'lost'):
        assert tables[name].markdown() in report
    (row,) = [r for r in tables['AdamW_costs'].rows if r['method'] == 'SURGE']
    assert row['bytes'] == 4_000_000 and 18 < row['seconds'] < 19 and row['wall'] == 600
    assert '| SURGE | ' in report and '| 10.0 | ' in report  # minutes


def test_packed_detectors_are_held_against_the_simulated_ones_of_the_same_runs(tmp_path):
    plan = synthetic_plan((1, 2, 3))
    plain = dict(skipped=0, diverged=False, AP50=0.6)
    packed = dict(packed_AP50=0.61, packed_bytes=2_500_000)
    changed = {
        ('STE', 1): dict(plain, AP=0.1),  # of an earlier release
        ('STE', 2): dict(plain, AP=0.30, packed_AP=0.31, **packed),
        ('STE', 3): dict(plain, AP=0.32, packed_AP=0.31, **packed),
        ('EDE', 2): dict(plain, AP=0.30, packed_AP=0.30, **packed),
        ('EDE', 3): dict(plain, AP=0.30, not_packed='no kernel takes it'),
        ('ReCU', 1): dict(plain, AP=0.30, not_packed='holds NaN'),
    }
    write_synthetic_study(tmp_path, plan, changed)
    write_report(plan, tmp_path, **ABOUT)
    ste, ede, recu = read_record(tmp_path / 'record.json')['AdamW_packed'].rows
    assert (ste['method'], ste['runs'], ste['bytes']) == ('STE', 2, 2_500_000)
    assert (ste['simulated'], ste['packed']) == pytest.approx((0.31, 0.31))
    assert ste['change'] == pytest.approx([0.0, 0.02 / 2**0.5])
    assert ste['change50'] == pytest.approx([0.01, 0.0])
    assert (ede['change'], ede['why']) == ([0.0], 'no kernel takes it')
    assert recu == dict(method='ReCU', runs=0, why='holds NaN')
    text = (tmp_path / 'report.md').read_text()
    assert '| STE | 2 | 0.3100 | 0.3100 | +0.0000 ± 0.0141 | +0.0100 ± 0.0000 | 2.50 | - |' in text
    assert '| ReCU | 0 | - | - | - | - | - | holds NaN |' in text
    rows = csv.DictReader((tmp_path / 'results.csv').open())
    (row,) = [r for r in rows if (r['method'], r['seed']) == ('STE', '2')]
    assert (row['packed_AP'], row['packed_bytes']) == ('0.31', '2500000')


def test_without_costs_the_report_says_how_to_measure_them(tmp_path):
    plan = synthetic_plan((1, 2))
    write_synthetic_study(tmp_path, plan, {})
    write_report(plan, tmp_path, **ABOUT)
    read = (tmp_path / 'report.html').read_text()
    assert 'run the tool with <code>--costs</code>' in read and 'ms per image' not in read


def test_several_data_sets_share_a_page_and_keep_their_families(tmp_path):
    studies = []
    for name, seeds in (('one', range(1, 7)), ('two', (1, 2, 3))):
        plan = replace(synthetic_plan(seeds), dataset=name)
        write_synthetic_study(tmp_path / name, plan)
        write_report(plan, tmp_path / name, **ABOUT)
        studies.append((plan, tmp_path / name))
    write_joint_report(studies, tmp_path, **ABOUT)
    joint = (tmp_path / 'report.md').read_text()
    assert joint.count('15 comparisons of AP, corrected together') == 2
    assert '## one AdamW' in joint and '## two AdamW' in joint
    for _, folder in studies:
        alone = read_record(folder / 'record.json')['AdamW_comparisons'].markdown()
        assert alone in joint
    text = (tmp_path / 'report.html').read_text()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) and not Page(text).open


def test_labels_cannot_break_the_page(tmp_path):
    plan = synthetic_plan((1, 2))
    odd = '<b>"x" & y'
    methods = {odd if m == 'SURGE' else m: policy for m, policy in plan.methods.items()}
    plan = replace(plan, methods=methods)
    results = {
        (odd, s): dict(AP=0.3 + s / 100, AP50=0.5, skipped=0, diverged=False) for s in (0, 1, 2)
    }
    write_synthetic_study(tmp_path, plan, results)
    write_report(plan, tmp_path, **ABOUT)
    text = (tmp_path / 'report.html').read_text()
    assert not Page(text).open and '<b>"x"' not in text and '&lt;b&gt;' in text


def test_a_study_that_has_just_begun_has_a_report(tmp_path):
    plan = synthetic_plan(())
    write_synthetic_study(tmp_path, plan, {})
    write_report(plan, tmp_path, **ABOUT)
    assert 'has not been trained on any seed yet' in (tmp_path / 'report.md').read_text()
    assert not Page((tmp_path / 'report.html').read_text()).open


def test_a_rate_that_failed_is_shown_as_failed(tmp_path):
    plan = synthetic_plan((1,))
    write_synthetic_study(tmp_path, plan, {('EDE', 0): dict(failed='x')})
    write_report(plan, tmp_path, **ABOUT)
    report = (tmp_path / 'report.md').read_text()
    assert '| EDE | failed | failed |' in report and 'nan' not in report
    assert 'nan' not in re.sub(r'<svg.*?</svg>', '', (tmp_path / 'report.html').read_text())


def test_a_folder_without_runs_has_one_too(tmp_path):
    write_report(synthetic_plan(), tmp_path, **ABOUT)
    assert '0 comparisons' in (tmp_path / 'report.md').read_text()


def test_words_of_a_table_are_escaped():
    table = Table([Column('a < b', 'a')], [dict(a='1 & 2')])
    assert '<th scope="row">1 &amp; 2</th>' in Grid('x', table).html()
    assert rich('`a<b` **c**') == '<code>a&lt;b</code> <strong>c</strong>'
