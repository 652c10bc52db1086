import subprocess

import pytest
from mmengine.fileio import list_from_file

from surge_mmdet.datasets.reading import line_problem, read_list


@pytest.fixture
def file(tmp_path):
    return tmp_path / 'a list.txt'


@pytest.mark.parametrize(
    'data', [b'', b'a\nb\n', b'a\nb', b'a\r\nb\r\n', b'a\rb\n', b'a\n\n', 'ä \x0b\x85\n'.encode()]
)
def test_lines_are_mmengines(file, data):
    file.write_bytes(data)
    assert read_list(str(file)) == list_from_file(str(file))


@pytest.mark.parametrize(
    'encoding, problem',
    [
        ('utf-8-sig', 'starts with a byte order mark'),
        ('utf-16', 'is UTF-16, not UTF-8'),
        ('utf-16-be', 'has bytes of 0'),
        ('utf-32', 'is UTF-32, not UTF-8'),
        ('latin-1', 'line 2 is not UTF-8 (byte 0xe4)'),
    ],
)
def test_other_encodings_are_refused_with_a_command_that_repairs_them(file, encoding, problem):
    text = 'a\nbär\n'
    file.write_bytes(text.encode(encoding))
    with pytest.raises(ValueError) as error:
        read_list(str(file))
    assert f'{file}: {problem}' in str(error.value)
    _, found, command = str(error.value).partition('un: ')
    if found:
        subprocess.run(command, shell=True, check=True, cwd=file.parent)
        assert read_list(str(file)) == text.split()
    else:
        assert encoding == 'utf-16-be'  # without a mark, which byte order it is nobody knows


@pytest.mark.parametrize(
    'line, problem',
    [
        ('a', ''),
        ('my photo (0)', ''),
        ('c', ''),
        ('c 1', ''),
        ('', "'' is blank: remove the line"),
        (' \t', "' \\t' is blank: remove the line"),
        ('a ', "'a ' has blanks around the name: write 'a'"),
        ('a.jpg', "'a.jpg' has a suffix: write 'a'"),
        ('my photo (0).jpg', "'my photo (0).jpg' has a suffix: write 'my photo (0)'"),
        ('JPEGImages/a', "'JPEGImages/a' has a folder: write 'a'"),
        ('JPEGImages/a.jpg', "'JPEGImages/a.jpg' has a folder and a suffix: write 'a'"),
        ('a -1', "'a -1' has a second column: write 'a'"),
        ('x/a.jpg a.xml', "'x/a.jpg a.xml' has a folder or suffix and a second column: write 'a'"),
    ],
)
def test_a_line_that_means_another_name(line, problem):
    assert line_problem(line, {'a', 'my photo (0)'}.__contains__) == problem
