"""The inspection as text for people and as JSON for programs."""

import textwrap

from .classes import count_classes
from .findings import RULES, Findings
from .sources import Source

SHOWN = 3  # examples per finding; the JSON has all
WIDTH = 79
NO_BREAK = '\u00a0'


def is_usable(sources: list, shared: Findings) -> bool:
    """Whether nothing found is an error."""
    return not any(
        found.at_level('error') for found in (shared, *(source.found for source in sources))
    )


def as_json(sources: list, shared: Findings) -> dict:
    """Counts and all findings, ready for ``json.dump``."""
    return dict(
        usable=is_usable(sources, shared),
        findings=_findings_json(shared),
        sources=[_source_json(source) for source in sources],
    )


def _source_json(source: Source) -> dict:
    boxes = [box for photo in source.photos for box in photo.boxes]
    counts = count_classes(source)
    return dict(
        ann_file=source.data.ann_file,
        roles=source.roles,
        format='VOC' if source.is_voc else 'COCO',
        images=len(source.photos),
        objects=len(boxes),
        ignored=sum(box.ignored for box in boxes),
        images_without_objects=sum(not p.boxes for p in source.photos),
        classes={name: counts[name] for name in source.classes},
        used=source.used,
        findings=_findings_json(source.found),
    )


def _findings_json(found: Findings) -> list:
    return [
        dict(
            code=code,
            level=RULES[code][0],
            what=RULES[code][1],
            advice=RULES[code][2],
            count=len(cases),
            cases=cases,
        )
        for code, cases in found.items()
    ]


def as_text(sources: list, shared: Findings) -> str:
    """The report, at most 79 columns wide except for names and commands."""
    content = as_json(sources, shared)
    lines = []
    for part in content['sources']:
        lines += [
            *_headline(part),
            *_class_table(part['classes']),
            *_finding_lines(part['findings']),
            '',
        ]
    if content['findings']:
        lines += ['All lists together', *_finding_lines(content['findings']), '']
    return '\n'.join([*lines, _verdict(content)])


def _headline(part: dict) -> list:
    ignored = 'difficult' if part['format'] == 'VOC' else 'crowd'
    lines = [f'{", ".join(part["roles"])}: {part["ann_file"]}']
    if part['images']:
        lines.append(
            f'  {part["images"]} images, {part["images_without_objects"]} '
            f'without objects; {part["objects"]} objects, '
            f'{part["ignored"]} {ignored}'
        )
    if part['used']:
        lines.append(
            '  mmdet reads {images} images with {boxes} boxes, of '
            'which {ignored} are ignored'.format(**part['used'])
        )
    return lines


def _class_table(classes: dict) -> list:
    # A no-break space keeps 'traffic light 37' on one line.
    present = [f'{name} {count}'.replace(' ', NO_BREAK) for name, count in classes.items() if count]
    return [
        line.replace(NO_BREAK, ' ')
        for line in textwrap.wrap(
            '   '.join(present), WIDTH, initial_indent='  ', subsequent_indent='  '
        )
    ]


def _finding_lines(findings: list) -> list:
    lines = []
    for each in findings:
        lines += textwrap.wrap(
            f'{each["level"]}: {each["what"]} ({each["count"]}). {each["advice"]}',
            WIDTH,
            initial_indent='  ',
            subsequent_indent='    ',
        )
        lines += [f'    - {case}' for case in each['cases'][:SHOWN]]
        if each['count'] > SHOWN:
            lines.append(f'    - and {each["count"] - SHOWN} more')
    return lines


def _verdict(content: dict) -> str:
    levels = [f['level'] for part in (content, *content['sources']) for f in part['findings']]
    errors, warnings = levels.count('error'), levels.count('warning')
    word = 'Usable' if content['usable'] else 'Not usable'
    return f'{word}: errors {errors}, warnings {warnings}.'
