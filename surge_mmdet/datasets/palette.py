"""Colours for as many classes as there are."""

from colorsys import hsv_to_rgb

GOLDEN = 0.618034  # successive hues in this distance never come close


def fitting_palette(palette: object, count: int) -> object:
    """A palette of ``count`` colours at least, the given ones first.

    A child config inherits the palette of its base beside its own classes,
    and mmdet stops at one that is too short.

    Args:
        palette (Sequence[Sequence[int]] | str | None): RGB in [0, 255], or
            what mmdet takes instead: a name, one colour for all, nothing.
        count (int): The number of classes.

    Returns:
        list[tuple[int]] | str | tuple | None: mmdet takes a tuple for one
        colour, so that many colours are a list.

    Examples:
        >>> fitting_palette([(220, 20, 60)], 3)
        [(220, 20, 60), (76, 121, 230), (175, 242, 80)]
        >>> fitting_palette('random', 3)
        'random'
    """
    if not isinstance(palette, (list, tuple)):
        return palette
    if palette and not isinstance(palette[0], (list, tuple)):
        return palette  # one colour
    colours = [tuple(colour) for colour in palette]
    for number in range(len(colours), count):
        shade = hsv_to_rgb((number * GOLDEN) % 1, 0.67, 0.85 + 0.05 * (number % 4))
        colours.append(tuple(round(255 * value) for value in shade))
    return colours


def with_palette(metainfo: dict) -> dict:
    """``metainfo``, its palette long enough for its classes."""
    classes = metainfo.get('classes')
    if isinstance(classes, (list, tuple)) and 'palette' in metainfo:
        metainfo['palette'] = fitting_palette(metainfo['palette'], len(classes))
    return metainfo
