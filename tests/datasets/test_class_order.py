import pytest
from hypothesis import given
from hypothesis import strategies as st

from surge_mmdet.datasets.class_order import (
    compare_classes,
    order_categories,
    order_problem,
    require_classes,
    spelling_line,
)

BCCD = ('RBC', 'WBC', 'Platelets')
ALPHABET = ('Platelets', 'RBC', 'WBC')


@pytest.mark.parametrize(
    'classes',
    [
        {},
        {'train': BCCD},
        {'train': BCCD, 'val': list(BCCD), 'test': BCCD, 'checkpoint': list(BCCD)},
        {'train': BCCD, 'val': None, 'checkpoint': None},
        {'train': ('Red Cell', 'dog'), 'val': ('red_cell', 'Dog')},
        {'train': ('+', '-'), 'val': ('+', '-')},
    ],
)
def test_same_labels_have_nothing_to_write(classes):
    assert compare_classes(classes) == ''


@pytest.mark.parametrize(
    'classes, difference, right, places',
    [
        (
            {'train': BCCD, 'test': ALPHABET},
            "label 0 is 'RBC' in train, but 'Platelets' in test",
            BCCD,
            'test_dataloader.dataset.',
        ),
        (
            {'test': ALPHABET, 'val': ALPHABET, 'train': BCCD},
            "label 0 is 'RBC' in train, but 'Platelets' in val",
            BCCD,
            'val_dataloader.dataset and test_dataloader.dataset.',
        ),
        (
            {'checkpoint': ALPHABET, 'test': BCCD},
            "label 0 is 'Platelets' in checkpoint, but 'RBC' in test",
            ALPHABET,
            'test_dataloader.dataset.',
        ),
        (
            {'train': BCCD, 'val': BCCD[:2]},
            "label 2 is 'Platelets' in train, but there is none in val",
            BCCD,
            'val_dataloader.dataset.',
        ),
        (
            {'train': BCCD[:2], 'val': BCCD},
            "label 2 is 'Platelets' in val, but there is none in train",
            BCCD[:2],
            'val_dataloader.dataset.',
        ),
        (
            {'train': ('cat', 'dog'), 'val': ('cat', 'bird')},
            "label 1 is 'dog' in train, but 'bird' in val",
            ('cat', 'dog'),
            'val_dataloader.dataset.',
        ),
        (
            {'train': ('+', '-'), 'val': ('-', '+')},
            "label 0 is '+' in train, but '-' in val",
            ('+', '-'),
            'val_dataloader.dataset.',
        ),
        (
            {'train': ('cat1', 'cat-1'), 'val': ('cat-1', 'cat1')},
            "label 0 is 'cat1' in train, but 'cat-1' in val",
            ('cat1', 'cat-1'),
            'val_dataloader.dataset.',
        ),
    ],
)
def test_the_line_keeps_the_meaning_of_labels(classes, difference, right, places):
    text = compare_classes(classes)
    assert text.startswith(f'{difference}: ')
    assert text.endswith(f'Write metainfo=dict(classes={right}) in {places}')


@given(st.permutations(BCCD), st.permutations(BCCD), st.permutations(BCCD))
def test_following_the_line_ends_the_complaint(train, val, checkpoint):
    classes = {'train': train, 'val': val, 'checkpoint': checkpoint}
    text = compare_classes(classes)
    assert bool(text) == (not train == val == checkpoint)
    for role in ('train', 'val'):
        if f'{role}_dataloader' in text:
            classes[role] = checkpoint
    assert compare_classes(classes) == ''


@pytest.mark.parametrize(
    'classes, error, line',
    [
        ('cat', TypeError, "Write metainfo=dict(classes=('cat', ))"),
        (None, ValueError, "which classes? Write metainfo=dict(classes=('cat', 'dog'))"),
        ((), ValueError, 'which classes?'),
        ((0, 1), TypeError, "Write metainfo=dict(classes=('0', '1'))"),
        (('cat', 'dog', 'cat'), ValueError, "Write metainfo=dict(classes=('cat', 'dog'))"),
    ],
)
def test_what_are_no_classes(classes, error, line):
    with pytest.raises(error) as info:
        require_classes(classes, 'train.txt')
    assert line in str(info.value)


@pytest.mark.parametrize('classes', [('cat',), ['cat', 'dog']])
def test_classes(classes):
    require_classes(classes, 'train.txt')


@pytest.mark.parametrize(
    'categories, classes, problem',
    [
        (('cat', 'dog'), ('cat', 'dog'), ''),
        (('emu', 'cat', 'dog'), ('cat', 'dog'), ''),
        (('emu',), ('cat', 'dog'), ''),  # another finding
        (('dog', 'cat'), ('cat', 'dog'), "order than the classes: ('dog', 'cat'), not ('cat'"),
        (('dog',), ('cat', 'dog'), "has no category 'cat', which shifts the labels"),
    ],
)
def test_order_of_categories(categories, classes, problem):
    text = order_problem(categories, classes)
    assert problem in text and bool(problem) == bool(text)


@given(st.permutations('abcd'), st.lists(st.sampled_from('abcdef'), unique=True, min_size=1))
def test_ordered_categories_have_no_problem_and_keep_their_ids(names, classes):
    content = dict(categories=[dict(id=ord(name), name=name) for name in names], annotations=[])
    order_categories(content, classes)
    after = {each['name']: each['id'] for each in content['categories']}
    assert order_problem(after, classes) == ''
    assert {name: after[name] for name in names} == {name: ord(name) for name in names}
    assert len(set(after.values())) == len(after)


@pytest.mark.parametrize(
    'names, classes, evaluated, line',
    [
        (('cat', 'dog'), ('Dog', 'Cat'), False, "Write metainfo=dict(classes=('dog', 'cat'))."),
        (('cat', 'dog'), ('Dog', 'Cat'), True, "Write metainfo=dict(classes=('dog', 'cat'))."),
        (('cat', 'dog'), ('Dog', 'emu'), False, "Write metainfo=dict(classes=('cat', 'dog'))."),
        (
            ('cat', 'dog'),
            ('Dog', 'emu'),
            True,
            'Write the classes of the training, spelt as in these annotations.',
        ),
    ],
)
def test_no_advice_reorders_labels_of_evaluated_data(names, classes, evaluated, line):
    assert spelling_line(names, classes, evaluated) == line
