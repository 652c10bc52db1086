import pytest

from surge_mmdet.datasets.reading import read_voc

BOX = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30.9</xmax><ymax>40</ymax></bndbox>'
SOUND = f'<object><name>cat</name>{BOX}</object>'


@pytest.fixture
def read(tmp_path):
    def write_and_read(text: str):
        path = tmp_path / 'a.xml'
        path.write_text(text)
        return read_voc(str(path))

    return write_and_read


def test_fields_of_a_sound_file(read):
    size, (cat, dog), problems = read(
        '<annotation><size><width>640</width><height> 480 </height></size>'
        f'{SOUND}<object><name>dog</name>{BOX}<difficult>1</difficult></object></annotation>'
    )
    assert problems == []
    assert (size.width, size.height) == (640, 480)
    corners = cat.bndbox
    assert (corners.xmin, corners.ymin, corners.xmax, corners.ymax) == (1, 2, 30.9, 40)
    assert (cat.name, cat.difficult, dog.difficult) == ('cat', None, 1)


@pytest.mark.parametrize('text', ['<a/>', f'<a>{SOUND}</a>'])
def test_size_may_be_missing(read, text):
    assert read(text).size is None and not read(text).problems


@pytest.mark.parametrize(
    'inner, problem',
    [
        ('<object/>', 'object[0] lacks name'),
        (f'{SOUND}<object><name>cat</name></object>', 'object[1] lacks bndbox'),
        ('<object><name>cat</name><bndbox/></object>', 'object[0].bndbox lacks xmin'),
        (SOUND.replace('>1<', '>one<'), "object[0].bndbox.xmin is 'one', not a number"),
        (SOUND.replace('>1<', '><'), "object[0].bndbox.xmin is '', not a number"),
        (SOUND.replace('>1<', '>nan<'), "object[0].bndbox.xmin is 'nan', not a number"),
        (SOUND.replace('>1<', '>inf<'), "object[0].bndbox.xmin is 'inf', not a number"),
        (
            SOUND.replace('<bndbox>', '<difficult>no</difficult><bndbox>'),
            "object[0].difficult is 'no', not a whole number",
        ),
        ('<size><width>6.5</width></size>', "size.width is '6.5', not a whole number"),
        ('<size><width>6</width></size>', 'size lacks height'),
    ],
)
def test_fields_that_mmdet_cannot_use(read, inner, problem):
    assert read(f'<annotation>{inner}</annotation>').problems == [problem]


@pytest.mark.parametrize(
    'text, why',
    [
        ('', 'no element found'),
        ('<annotation><size>', 'no element found'),
        ('<?xml version="1.0" encoding="klingon"?><a/>', 'unknown encoding'),
        ('<a>&nbsp;</a>', 'undefined entity'),
    ],
)
def test_what_is_no_xml(read, text, why):
    (problem,) = read(text).problems
    assert problem.startswith('no XML: ') and why in problem


def test_only_the_first_of_two_fields_counts_as_for_mmdet(read):
    twice = SOUND.replace('<name>', '<name>dog</name><name>')
    assert read(f'<a>{twice}</a>').objects[0].name == 'dog'


def test_every_unusable_object_is_named(read):
    problems = read(f'<a><object/>{SOUND}<object/></a>').problems
    assert problems == ['object[0] lacks name', 'object[2] lacks name']
