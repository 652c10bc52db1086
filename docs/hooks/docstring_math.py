"""Formulas and references of docstrings, for mkdocstrings.

Docstrings have LaTeX in the notation of Sphinx and links such as
``:class:`SignSTE```. Formulas become MathML, which browsers draw without a
script; links become links.
"""

import re
from textwrap import dedent

import griffe
from latex2mathml.converter import convert

BLOCK = re.compile(r'^(?P<indent> *)\.\. math::\n(?P<body>(?:\n|(?P=indent) +.*\n?)+)', re.M)
INLINE = re.compile(r':math:`([^`]+)`')
WORD = re.compile(r'(?<![\\{a-zA-Z])(?:sign|conv|wgrad|mean|std|var|softmax|KL|sg)(?![a-zA-Z}])')
WIDE_BAR = '<mo stretchy="false">&#x0007C;</mo>'
CLOSE_BAR = '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>'
ROLE = re.compile(r':(?:class|func|meth|mod|attr|data):`~?([\w.]+)`')


def formulas(text: str) -> str:
    """``text`` with every formula as MathML."""

    def block(match: re.Match) -> str:
        parts = dedent(match['body']).strip().split('\n\n')
        return '\n'.join(f'{match["indent"]}{mathml(part, "block")}\n' for part in parts)

    return INLINE.sub(lambda match: mathml(match[1], 'inline'), BLOCK.sub(block, text))


def mathml(latex: str, display: str) -> str:
    """One formula; words are upright, bars stand close."""
    words = WORD.sub(r'\\operatorname{\g<0>}', ' '.join(latex.split()))
    return convert(words, display=display).replace(WIDE_BAR, CLOSE_BAR)


class DocstringMath(griffe.Extension):
    """Rewrites each docstring once it is collected."""

    def on_instance(self, *, obj, **kwargs) -> None:
        if obj.docstring:
            obj.docstring.value = formulas(obj.docstring.value)

    def on_package(self, *, pkg, **kwargs) -> None:
        """Resolve references when all names are known."""
        self._resolve(pkg)

    def _resolve(self, obj) -> None:
        if obj.docstring:
            obj.docstring.value = ROLE.sub(lambda m: reference(obj, m[1]), obj.docstring.value)
        for member in obj.members.values():
            if not member.is_alias:
                self._resolve(member)


def reference(obj, name: str) -> str:
    """A link to ``name`` as seen from ``obj``, or the name as code."""
    try:
        path = obj.resolve(name)
        documented = obj.modules_collection[path].has_docstring  # else it has no place
    except (griffe.NameResolutionError, griffe.AliasResolutionError, KeyError):
        documented = False
    return f'[`{name}`][{path}]' if documented else f'`{name}`'
