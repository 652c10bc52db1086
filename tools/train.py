"""Train a detector: mmdet's own tools/train.py, see its --help."""

from _mmdet_tool import hand_over

if __name__ == '__main__':
    hand_over('train.py')
