"""The checkpoint that a command starts from."""

from pathlib import Path

from mmengine.config import Config

from ..distill.find import newest_checkpoint

ANY = 'work_dirs/RUN/epoch_12.pth'


def require_checkpoint(cfg: Config, path: str, option: str = '') -> None:
    """Refuse a checkpoint that is not there; one on another backend is left to the tool.

    Args:
        cfg (Config): One with a ``runner_type`` may have checkpoints that are folders.
        path (str): A file.
        option (str): What stands before it in the command.

    Raises:
        FileNotFoundError: The text shows a checkpoint that is there, if one is near, or
            the training that leaves it.
    """
    file = Path(path).expanduser()
    if '://' in path or file.is_file() or cfg.get('runner_type'):
        return
    is_folder = bool(path) and file.is_dir()
    found = newest_checkpoint(file if is_folder else file.parent)
    what = f'{path} is a folder' if is_folder else f'{path or "An empty word"} does not exist'
    trained = next(Path('configs').rglob(f'{file.parent.name}.py'), None)
    if trained and not found:
        raise FileNotFoundError(f'{what}. Train it first: python tools/train.py {trained}')
    raise FileNotFoundError(f'{what}. Write {option}{found or ANY}')
