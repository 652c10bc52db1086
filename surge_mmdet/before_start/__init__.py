"""What mmdet's train and test tools would miss behind a long log, asked for before it."""

from .command import check_command

__all__ = ['check_command']
