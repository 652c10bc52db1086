"""Whether label i means the same class everywhere."""

from collections.abc import Iterable, Mapping

# Whose order is right if they differ: weights cannot be reordered, and what
# is trained decides for what is evaluated.
ROLES = ('checkpoint', 'train', 'val', 'test')


def compare_classes(classes: Mapping[str, Iterable[str] | None]) -> str:
    """What to write if label i is not the same class in all of them, else ''.

    Names that differ only in case, blanks and joining characters are the same
    class: each data set has to spell them as its own annotations do. Leave
    the checkpoint out where its head is replaced (fine-tuning on other
    classes).

    Args:
        classes (Mapping[str, Iterable[str] | None]): Class names by label, for any of
            'checkpoint', 'train', 'val' and 'test'; None if unknown.

    Returns:
        str: One sentence on the first label that differs, and the corrected line. The line
        never reorders the checkpoint, nor the training data unless it contradicts the
        checkpoint.

    Examples:
        >>> compare_classes({'train': ('cat', 'dog'), 'val': ['Cat', 'dog']})
        ''
        >>> print(compare_classes({'train': ('cat', 'dog'), 'test': ('dog', 'cat')}))
        label 0 is 'cat' in train, but 'dog' in test: the numbers would mean other classes. \
Write metainfo=dict(classes=('cat', 'dog')) in test_dataloader.dataset.
    """
    known = {role: tuple(classes[role]) for role in ROLES if classes.get(role) is not None}
    if not known:
        return ''
    (first, right), *others = known.items()
    differing = {role: names for role, names in others if not same_labels(right, names)}
    if not differing:
        return ''
    role, names = next(iter(differing.items()))
    places = ' and '.join(f'{role}_dataloader.dataset' for role in differing)
    return (
        f'{_first_difference(first, right, role, names)}: the numbers would mean other classes. '
        f'Write metainfo=dict(classes={right}) in {places}.'
    )


def same_labels(right: tuple, names: tuple) -> bool:
    """Whether label i is the same class in both, apart from its spelling."""
    return len(right) == len(names) and all(
        _same_class(a, b, right, names) for a, b in zip(right, names, strict=True)
    )


def plain_name(name: str) -> str:
    """A class name without what is easily mistyped.

    Examples:
        >>> plain_name('Potted_plant ')
        'pottedplant'
    """
    return ''.join(c for c in name.casefold() if c.isalnum()) or name


def _same_class(a: str, b: str, right: tuple, names: tuple) -> bool:
    # 'cat1' and 'cat-1' are two classes where one list has both.
    return a == b or (plain_name(a) == plain_name(b) and a not in names and b not in right)


def _first_difference(first: str, right: tuple, role: str, names: tuple) -> str:
    for label, (a, b) in enumerate(zip(right, names, strict=False)):
        if not _same_class(a, b, right, names):
            return f'label {label} is {a!r} in {first}, but {b!r} in {role}'
    longer, shorter = (first, role) if len(right) > len(names) else (role, first)
    label = min(len(right), len(names))
    name = max(right, names, key=len)[label]
    return f'label {label} is {name!r} in {longer}, but there is none in {shorter}'
