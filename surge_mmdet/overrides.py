"""Overrides of a config, as ``--cfg-options``."""

from .errors import misspelt


def merge_options(cfg, options: dict, name: str = '--cfg-options') -> None:
    """Merge overrides into a config; a new key that is nearly one that is there is refused.

    Args:
        cfg (Config): Changed in place.
        options (dict): Keys such as ``train_cfg.max_epochs``, and their values.
        name (str): Where they were written.

    Raises:
        ValueError: The text shows the corrected line.
    """
    for path, value in options.items():
        _require_spelling(dict(cfg.items()), path.split('.'), value, name)
    cfg.merge_from_dict(options)


def _require_spelling(
    node: object, keys: list, value: object, name: str, above: tuple = ()
) -> None:
    """Follow ``keys``, and then those of ``value``, as far as the config has them."""
    if not keys:
        for key in value if isinstance(value, dict) else ():
            _require_spelling(node, str(key).split('.'), value[key], name, above)
        return
    if isinstance(node, (list, tuple)) and keys[0].isdigit() and int(keys[0]) < len(node):
        return _require_spelling(node[int(keys[0])], keys[1:], value, name, (*above, keys[0]))
    if not isinstance(node, dict):
        return
    meant = misspelt(keys[:1], node, 0.8).get(keys[0])
    if meant:
        right = '.'.join((*above, meant, *keys[1:]))
        raise ValueError(
            f'{name} {".".join((*above, *keys))}: the config has no {keys[0]!r} there, but '
            f'{meant!r}. Write {right}=...'
        )
    if keys[0] in node:
        _require_spelling(node[keys[0]], keys[1:], value, name, (*above, keys[0]))
