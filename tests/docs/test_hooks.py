"""What the site's hooks make of links, formulas and values."""

import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT

pytest.importorskip('mkdocs', reason='pip install -r requirements/docs.txt')
sys.path.insert(0, str(ROOT / 'docs/hooks'))
import docstring_math  # noqa: E402
import site_methods  # noqa: E402
import site_pages  # noqa: E402
import site_tables  # noqa: E402


@pytest.mark.parametrize(
    'text, wanted',
    [
        ('[a](../../configs/ssd/README.md#x)', '[a](../reference/configs/ssd.md#x)'),
        ('[a](../reference/surge_options.md)', '[a](../reference/surge_options.md)'),
        ('see [the rules](../../surge_mmdet/registry.py) there', 'see the rules there'),
        ('[a](https://arxiv.org/abs/2605.10989)', '[a](https://arxiv.org/abs/2605.10989)'),
        ('[a](nowhere.md)', '[a](nowhere.md)'),
        ('```bash\necho [a](../../setup.py)\n```', '```bash\necho [a](../../setup.py)\n```'),
        ('![p](../images/x.png)', '[![p](../images/x.png)](../images/x.png)'),
    ],
)
def test_links_between_files_become_links_between_pages(text, wanted):
    docs = ROOT / 'docs'
    known = {
        ROOT / 'configs/ssd/README.md': 'reference/configs/ssd.md',
        docs / 'reference/surge_options.md': 'reference/surge_options.md',
        docs / 'images/x.png': 'images/x.png',
    }
    assert site_pages.relink(text, docs / 'guides/a.md', 'guides/a.md', known) == wanted


def test_files_that_are_pages_exist():
    for source in site_pages.IMPORTED.values():
        assert (ROOT / source).is_file(), source


def test_formula_of_a_docstring():
    text = 'Sign.\n\n.. math::\n    Q(x) = sign(x), \\quad\n    |x| \\le 1\n\nFrom there.\n'
    found = docstring_math.formulas(text)
    assert '<mo>sign</mo>' in found and 'display="block"' in found
    assert found.startswith('Sign.\n') and found.endswith('From there.\n')
    assert 'display="inline"' in docstring_math.formulas(r'the :math:`\alpha_o` of it')


@pytest.mark.parametrize(
    'text, wanted',
    [
        (
            '| [`SignSTE`](../../surge_mmdet/binarizers/activations/sign_ste.py) | a |',
            '| [`SignSTE`][surge_mmdet.binarizers.activations.sign_ste.SignSTE] | a |',
        ),
        (
            '[`full`](../../surge_mmdet/surge/branch.py)',
            '[`full`][surge_mmdet.surge.branch.Branch]',
        ),
        ('[`full`](../../surge_mmdet/registry.py)', '[`full`](../../surge_mmdet/registry.py)'),
        (
            '[the rules](../../surge_mmdet/registry.py)',
            '[the rules](../../surge_mmdet/registry.py)',
        ),
    ],
)
def test_registered_types_lead_to_their_class(text, wanted):
    assert site_tables.on_page_markdown(text, None, None, None) == wanted


def test_every_type_of_the_registries_page_leads_to_its_class():
    """Else the link would be lost, as that of any file that is no page."""
    text = (ROOT / 'docs/reference/registries.md').read_text()
    page = site_tables.on_page_markdown(text, None, None, None)
    assert '.py)' in text and '.py)' not in page
    assert page.count('][surge_mmdet.') == len(site_tables.types())


PKD_FILE = 'surge_mmdet/distill/losses/pkd.py'


@pytest.mark.parametrize(
    'uri, text, wanted',
    [
        (
            'guides/choose_a_method.md',
            '| [`ede`](../../surge_mmdet/methods.py) |',
            '| [`ede`](../reference/methods/ede.md) |',
        ),
        ('index.md', '[`ste`](surge_mmdet/methods.py)', '[`ste`](reference/methods/ste.md)'),
        ('a/b.md', '[`ede-x`](../surge_mmdet/methods.py)', '[`ede-x`](../surge_mmdet/methods.py)'),
        (
            'a/b.md',
            '[the list](../surge_mmdet/methods.py)',
            '[the list](../surge_mmdet/methods.py)',
        ),
        (
            'guides/distillation.md',
            f'[`PKD`](../../{PKD_FILE})',
            '[`PKD`](../reference/methods/pkd.md)',
        ),
        (
            'guides/distillation.md',
            '[`SparseObjectPrior`](../../surge_mmdet/losses/sparse_object_prior.py)',
            '[`SparseObjectPrior`](../reference/methods/bidet.md)',
        ),
        ('guides/x.md', f'[`CWD`](../../{PKD_FILE})', f'[`CWD`](../../{PKD_FILE})'),
        # A table of types leads to the class.
        ('reference/registries.md', f'[`PKD`](../../{PKD_FILE})', f'[`PKD`](../../{PKD_FILE})'),
    ],
)
def test_names_of_methods_lead_to_their_page(uri, text, wanted):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=uri))
    assert site_methods.on_page_markdown(text, page, None, None) == wanted


def test_links_to_methods_are_made_before_those_to_classes():
    """Else a loss in a guide would lead to its class."""
    first, later = (hook.on_page_markdown.mkdocs_priority for hook in (site_methods, site_tables))
    assert first > later


def test_a_page_of_results_is_named_with_the_part_that_shows_a_table():
    _, links = site_methods.results()
    assert links['regimes/regimes'] == (
        '[Where could SURGE help?](../../results/where_surge_helps.md), '
        '*All conditions, four seeds*'
    )
    assert links['gradient_fidelity/epoch_6'].endswith('*After 6 epochs*')
    assert links['bccd/accuracy'].endswith('(../../results/bccd.md)')
    assert '(../../guides/distillation.md)' in links['step_cost_distillation/configs']
