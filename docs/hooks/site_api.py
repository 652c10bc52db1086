"""One page of the reference for each room of the package, from docstrings.

The rooms are found in the sources, so that a new one appears by itself.
"""

from pathlib import Path

from mkdocs.structure.files import File

PACKAGE = Path(__file__).resolve().parents[2] / 'surge_mmdet'
PLACE = 'reference/api'


def rooms() -> dict:
    """Name of each room to its public modules, by their dotted names.

    The modules beside the rooms (errors, registry, ...) make a page
    ``surge_mmdet``.
    """
    found = {}
    for file in sorted(PACKAGE.rglob('*.py')):
        parts = file.relative_to(PACKAGE).with_suffix('').parts
        if any(part.startswith(('_', '.')) for part in parts):
            continue
        room = parts[0] if len(parts) > 1 else 'surge_mmdet'
        found.setdefault(room, []).append('.'.join(('surge_mmdet', *parts)))
    return found


def page(room: str, modules: list) -> str:
    """Markdown of one room, in mkdocstrings' notation."""
    package = 'surge_mmdet' if room == 'surge_mmdet' else f'surge_mmdet.{room}'
    blocks = [f'::: {package}\n    options:\n      members: false\n      show_root_heading: false']
    blocks += [f'::: {module}' for module in modules]
    return '\n\n'.join([f'# {room}', *blocks]) + '\n'


def on_config(config):
    """List the rooms where the navigation says so."""
    for section in config.nav:
        for entry in section.get('Reference', []):
            if isinstance(entry, dict) and 'API' in entry:
                entry['API'] = [{room: f'{PLACE}/{room}.md'} for room in rooms()]
    return config


def on_files(files, config):
    """Add the pages."""
    for room, modules in rooms().items():
        files.append(File.generated(config, f'{PLACE}/{room}.md', content=page(room, modules)))
    return files
