"""How the documents are written: wrapped, one spelling, living links and paths."""

import re
import subprocess
from urllib.parse import urldefrag

import pytest
import yaml
from conftest import ROOT
from doc_blocks import LOGS, MARKED
from markdown_it import MarkdownIt

from surge_mmdet.surge import SurgeConfig

DOCUMENTS = [*MARKED, *LOGS, ROOT / 'CHANGELOG.md']
RECORDS = sorted((ROOT / 'docs/design').glob('[0-9]*.md'))
PATH = re.compile(r'`((?:configs|docs|requirements|surge_mmdet|tests|tools)/[\w./-]*\w/?)[`:]')
each_document = pytest.mark.parametrize(
    'document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def prose(document):
    """Number and text of the lines outside fences and tables."""
    fence = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.lstrip().startswith('```'):
            fence = not fence
        elif not fence and not re.match(r'\||\[\w+\]: http', line):
            yield number, line


def tracked(*patterns) -> list:
    """Files of the repository; all that lie here where there is no git."""
    found = subprocess.run(
        ['git', 'ls-files', '-co', '--exclude-standard', *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if found.returncode == 0:
        return [ROOT / line for line in found.stdout.splitlines() if (ROOT / line).is_file()]
    return [path for pattern in patterns for path in ROOT.rglob(pattern)]


@each_document
def test_lines_are_wrapped_at_100_columns(document):
    lines = document.read_text().splitlines()
    fences = re.findall(r'^```(?:bash|python)\n.*?^```$', document.read_text(), re.M | re.S)
    code = {line for fence in fences for line in fence.splitlines()}
    text = {line for _, line in prose(document)}
    long = [n for n, line in enumerate(lines, 1) if len(line) > 100 and line in (text | code)]
    assert not long, f'{document}: lines {long}'


@each_document
def test_one_spelling(document):
    wrong = re.findall(r'(?i)\b\w*binaris\w*', document.read_text())
    assert not wrong, f'{document}: write binarize, as in the code, not {wrong}'


def test_metafiles_have_the_same_spelling():
    files = tracked('*.yml')
    assert len(files) > 5
    wrong = [path for path in files if re.search(r'(?i)binaris', path.read_text())]
    assert not wrong, f'write binarize, as in the code, in {wrong}'


@each_document
def test_a_link_is_part_of_a_sentence(document):
    bare = [number for number, line in prose(document) if re.search(r':\s\[[^\]]+\]\(', line)]
    assert not bare, f'{document}: a colon before a link in lines {bare}'


def stray_marks(text: str) -> list:
    """Marks of a quotation that a page shows, since they begin no line."""
    inline = [token for token in MarkdownIt().parse(text) if token.type == 'inline']
    words = [each.content for token in inline for each in token.children if each.type == 'text']
    return [each for each in words if re.search(r'(?:^|[;,.:]\s)\s*>(?:\s|$)', each)]


@each_document
def test_no_mark_of_a_quotation_is_shown(document):
    assert not stray_marks(document.read_text())
    assert stray_marks('> [A](b.md), 2026; > [C](d.md)') == [', 2026; > ']
    assert not stray_marks('> [A](b.md), 2026; where k > 0;\n> [C](d.md)')


@each_document
def test_relative_links_resolve_and_nothing_is_left_to_fill_in(document):
    text = document.read_text()
    assert '@@' not in text and 'TODO' not in text
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        target, anchor = urldefrag(link)
        if '://' in target:
            continue
        file = document if not target else document.parent / target
        assert file.exists(), link
        if anchor:
            assert anchor in anchors(file), link


def anchors(file) -> set:
    """What a heading's link is called, by GitHub's rule."""
    titles = re.findall(r'^#+ (.+)$', file.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


@each_document
def test_named_paths_exist(document):
    for path in PATH.findall(document.read_text()):
        if '.mim' not in path:
            assert (ROOT / path).exists(), path


def test_options_that_the_paper_leaves_open_are_named():
    """Above the table, whose column says whose the option is, not whose the value."""
    above = (ROOT / 'docs/reference/surge_options.md').read_text().split('<!--')[0]
    sentence = re.search(r'leaves[^.]*open[^.]*', above)[0]
    paper = [option.name for option in SurgeConfig.options() if option.whose == 'paper']
    assert re.findall(r'`(\w+)`', sentence) == paper


def test_pages_that_code_and_documents_name_exist():
    named = {
        (file, page)
        for file in tracked('*.py', '*.sh', '*.md', '*.yml', '*.toml')
        for page in re.findall(r'(?<![\w/.])docs/[\w/]+\.md', file.read_text())
    }
    assert len(named) > 10
    missing = [f'{file}: {page}' for file, page in named if not (ROOT / page).exists()]
    assert not missing, missing


def test_readme_is_one_page_with_the_two_commands():
    readme = (ROOT / 'README.md').read_text()
    assert 80 <= readme.count('\n') <= 130
    assert './tools/quickstart.sh' in readme and './tools/run_tests.sh' in readme
    assert './tools/run_tests.sh' in (ROOT / '.ci/run').read_text()


def test_every_guide_is_led_to_from_the_readme():
    readme = (ROOT / 'README.md').read_text()
    for page in (ROOT / 'docs/guides').glob('*.md'):
        assert f'docs/guides/{page.name}' in readme, page


def test_results_of_the_readme_are_those_of_the_tables():
    """Each number of its sentence stands in a table of the results."""
    readme = (ROOT / 'README.md').read_text()
    sentence = readme.split('**What to expect.**')[1].split('\n\n')[0]
    numbers = re.findall(r'[+-]?\d+\.\d+(?:\s±\s\d+\.\d+)?', sentence)
    assert len(numbers) >= 6
    folders = (ROOT / 'docs/results', ROOT / 'surge_mmdet/shipped')
    pages = [page.read_text() for folder in folders for page in folder.glob('*.md')]
    cells = {
        cell.strip()
        for page in pages
        for line in page.splitlines()
        if line.startswith('|')
        for cell in line.split('|')
    }
    for number in numbers:
        assert ' '.join(number.split()) in cells, number


@pytest.mark.parametrize('target', ['lint', 'test', 'test-fast', 'docs'])
def test_targets_of_make_are_described(target):
    line = ['make', '-n', '-C', str(ROOT), target]
    assert subprocess.run(line, capture_output=True).returncode == 0
    assert f'`make {target}`' in (ROOT / 'CONTRIBUTING.md').read_text()


def test_pre_commit_runs_what_make_lint_runs():
    hooks = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())['repos'][0]['hooks']
    entries = ' '.join(hook['entry'] for hook in hooks)
    makefile = (ROOT / 'Makefile').read_text()
    for tool in ('ruff check', 'ruff format'):
        assert f'-m {tool}' in entries and f'-m {tool}' in makefile
    for path in re.findall(r'\S+\.py', entries):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize(
    'template', sorted((ROOT / '.github/ISSUE_TEMPLATE').glob('*.yml')), ids=lambda p: p.name
)
def test_issue_templates_are_forms(template):
    form = yaml.safe_load(template.read_text())
    if template.name == 'config.yml':
        assert form == {'blank_issues_enabled': True}
        return
    assert form['name'] and form['description']
    fields = [field for field in form['body'] if field['type'] != 'markdown']
    assert len({field['id'] for field in fields}) == len(fields)
    assert all(field['attributes']['label'] for field in fields)
    assert any(field.get('validations', {}).get('required') for field in fields)


@pytest.mark.parametrize('record', RECORDS, ids=lambda p: p.name)
def test_decision_record_is_dated_listed_and_one_page(record):
    lines = record.read_text().splitlines()
    number = int(record.name[:4])
    title = lines[0].removeprefix(f'# {number}. ')
    assert title != lines[0] and re.match(r'2\d{3}-\d\d-\d\d\b', lines[2])
    assert len(lines) <= 45
    assert {'## What was decided', '## Why', '## What it costs'} <= set(lines)
    index = (record.parent / 'index.md').read_text()
    assert f'| [{number}]({record.name}) | {title} |' in index


def test_decision_records_are_numbered_without_a_gap():
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))
