"""The words for what is wrong with an annotation file."""

import re
import reprlib
import shlex

import msgspec

SHOWN = 3  # problems in one error; check_dataset lists all
PLACE = re.compile(r' - at `\$?(?P<path>.*)`$')
LACKING = re.compile(r'Object missing required field `(?P<field>.+)`$')
EXPECTED = re.compile(r'Expected `(?P<kind>[^`]+)`')
# msgspec's names for what a field should be, in words.
WORDS = {
    'array': 'a list',
    'object': 'a mapping',
    'str': 'a text',
    'float': 'a number',
    'int | float | str': 'a number or a text',
    'bool | int | float | null': '0 or 1',
}
BLOCK = '[x, y, width, height]'
# UTF-32 starts as UTF-16 does, and is looked for first.
ENCODINGS = (
    (b'\xef\xbb\xbf', 'starts with a byte order mark', "sed -i '1s/^\\xEF\\xBB\\xBF//' {}"),
    (b'\xff\xfe\0\0', 'is UTF-32, not UTF-8', 'iconv -f UTF-32 -t UTF-8 {0} > new && mv new {0}'),
    (b'\xff\xfe', 'is UTF-16, not UTF-8', 'iconv -f UTF-16 -t UTF-8 {0} > new && mv new {0}'),
    (b'\xfe\xff', 'is UTF-16, not UTF-8', 'iconv -f UTF-16 -t UTF-8 {0} > new && mv new {0}'),
)


def unusable(file: str, problems: list) -> ValueError:
    """The error for a file with these problems.

    Examples:
        >>> print(unusable('train.json', ['annotations[3] lacks bbox']))
        train.json: annotations[3] lacks bbox
    """
    shown = problems[:SHOWN]
    if len(problems) > SHOWN:
        shown.append(f'and {len(problems) - SHOWN} more')
    return ValueError(f'{file}: {"; ".join(shown)}')


def decode(data: bytes, file: str) -> str:
    """The text of a file that mmdet reads as UTF-8.

    Raises:
        ValueError: If it is none or starts with a byte order mark; the text
            shows the command that repairs it.
    """
    name = shlex.quote(file)
    for mark, what, command in ENCODINGS:
        if data.startswith(mark):
            raise unusable(file, [f'{what}. Run: {command.format(name)}'])
    if b'\0' in data:
        raise unusable(file, ['has bytes of 0, as UTF-16 has. Save it as UTF-8'])
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise unusable(
            file,
            [
                f'line {line} is not UTF-8 (byte 0x{data[error.start]:02x}). If it is Latin-1, '
                f'run: iconv -f LATIN1 -t UTF-8 {name} > new && mv new {name}'
            ],
        )


def field_problem(error: msgspec.ValidationError, entry: object, place: str) -> str:
    """msgspec's complaint with the field's place in the file and its value.

    Args:
        error (msgspec.ValidationError): From converting ``entry``.
        entry (object): What was converted.
        place (str): Where ``entry`` is in the file, such as ``annotations[3]``.
    """
    text = str(error)
    at = PLACE.search(text)
    path, text = (at['path'], text[: at.start()]) if at else ('', text)
    lacking, expected = LACKING.match(text), EXPECTED.match(text)
    place = (place + path).lstrip('.') or 'the file'
    if lacking:
        return f'{place} lacks {lacking["field"]}'
    value = _value_at(entry, path)
    shown = f'{place} is {reprlib.repr(value)}'
    if path.endswith('bbox'):
        return f'{shown}, not {BLOCK}'
    if 'out of range' in text or (expected and isinstance(value, float)):
        return f'{shown}, not a finite number'
    if expected:
        return f'{shown}, not {WORDS.get(expected["kind"], expected["kind"])}'
    return f'{shown}: {text}'


def _value_at(entry: object, path: str):
    for name, index in re.findall(r'\.([^.\[]+)|\[(\d+)\]', path):
        entry = entry[name] if name else entry[int(index)]
    return entry
