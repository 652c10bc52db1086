"""The site is built without a warning, from the code as it is."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import ROOT

pytest.importorskip('mkdocs', reason='pip install -r requirements/docs.txt')
sys.path.insert(0, str(ROOT / 'docs/hooks'))
import site_api  # noqa: E402
import site_methods  # noqa: E402

pytestmark = pytest.mark.slow  # one build for all


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The folder of a strict build, which ends at a warning."""
    folder = tmp_path_factory.mktemp('site')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Assets(HTMLParser):
    """Addresses from which a page loads something by itself."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        loads = tag in ('script', 'img', 'iframe', 'source') or (
            tag == 'link' and attrs.get('rel') in ('stylesheet', 'preconnect', 'preload', 'icon')
        )
        if loads:
            self.found += [attrs[key] for key in ('src', 'href') if attrs.get(key)]


def assets(page: Path) -> list:
    parser = Assets()
    parser.feed(page.read_text())
    return parser.found


def test_no_page_loads_anything_from_elsewhere(site):
    found = {address for page in site.rglob('*.html') for address in assets(page)}
    assert any(address.endswith('.css') for address in found)
    assert not [address for address in found if '//' in address]


def test_every_picture_is_there(site):
    for page in site.rglob('*.html'):
        if page.name != '404.html':
            for address in assets(page):
                assert (page.parent / address.split('?')[0]).exists(), (page, address)


def test_option_table_has_every_field_of_the_code(site):
    from surge_mmdet.surge import SurgeConfig

    html = (site / 'reference/surge_options.html').read_text()
    for option in SurgeConfig.options():
        assert f'<code>{option.name}</code>' in html
        assert option.meaning.split(';')[0].replace("'", '&#39;')[:40] in html.replace("'", '&#39;')
    assert html.count('<td>ours</td>') == sum(o.whose == 'ours' for o in SurgeConfig.options())


def test_registry_page_links_every_type_to_its_class(site):
    html = (site / 'reference/registries.html').read_text()
    for kind in ('BinaryConv2d', 'AGSHook', 'SignSTE', 'VOCLayoutDataset', 'BinarizedDetector'):
        link = re.search(rf'href="([^"]+)"><code>{kind}</code>', html)
        assert link, kind
        page, anchor = link[1].split('#')
        assert f'id="{anchor}"' in (site / 'reference' / page).read_text(), kind


def test_api_has_every_public_class(site):
    """A page per room; what has a docstring has a place."""
    text = {room: (site / f'{site_api.PLACE}/{room}.html').read_text() for room in site_api.rooms()}
    assert {'binarizers', 'surge', 'layers', 'convert', 'models', 'surge_mmdet'} <= text.keys()
    for file in (ROOT / 'surge_mmdet').rglob('*.py'):
        module = '.'.join(file.relative_to(ROOT).with_suffix('').parts)
        room = module.split('.')[1] if module.count('.') > 1 else 'surge_mmdet'
        for name in re.findall(r'^class ([A-Z]\w+)', file.read_text(), re.M):
            documented = re.search(rf'^class {name}\b[^"]*:\n    r?"""', file.read_text(), re.M)
            if documented and not any(part.startswith(('_', '.')) for part in file.parts):
                assert f'id="{module}.{name}"' in text[room], f'{module}.{name}'


def test_formulas_are_drawn_without_a_script(site):
    html = (site / 'reference/api/binarizers.html').read_text()
    assert '<math' in html and '<mfrac>' in html
    assert '.. math' not in html and ':math:' not in html and ':class:' not in html


def test_every_method_has_its_page(site):
    from surge_mmdet.analysis.method_pages import paged_methods

    guide = (site / 'guides/choose_a_method.html').read_text()
    for method in paged_methods():
        page = site / f'{site_methods.PLACE}/{method.name}.html'
        html = page.read_text()
        assert (
            f'href="../{site_methods.PLACE}/{method.name}.html"><code>{method.name}</code>' in guide
        )
        assert '.. math' not in html and ':math:' not in html
        for link, anchor in re.findall(r'href="(\.\./api/[^"#]+)#([^"]+)"><code>', html):
            assert f'id="{anchor}"' in (page.parent / link).read_text()
    ede = (site / f'{site_methods.PLACE}/ede.html').read_text()
    assert '<math' in ede and 'role="img"' in ede and 'SignEDE' in ede


def test_every_loss_has_its_page(site):
    from surge_mmdet.analysis.method_pages import detector_methods

    guide = (site / 'guides/distillation.html').read_text()
    for method in detector_methods():
        page = site / f'{site_methods.PLACE}/{method.name}.html'
        html = page.read_text()
        for kind in method.kinds:
            link = f'href="../{site_methods.PLACE}/{method.name}.html"><code>{kind.__name__}</code>'
            assert link in guide
        assert '.. math' not in html and ':math:' not in html and ':class:' not in html
        assert 'Nothing has been measured' not in html  # a step's cost at least
        for link, anchor in re.findall(r'href="(\.\./api/[^"#]+)#([^"]+)"><code>', html):
            assert f'id="{anchor}"' in (page.parent / link).read_text()
    pkd = (site / f'{site_methods.PLACE}/pkd.html').read_text()
    assert '<math' in pkd and 'href="../configs/ssd.html"' in pkd
    assert '<strong>polynomial + PKD + inherit</strong>' in pkd
    assert '<strong>ReActNet + PKD' in (site / f'{site_methods.PLACE}/rsign.html').read_text()
