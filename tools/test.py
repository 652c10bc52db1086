"""Test a detector: mmdet's own tools/test.py, see its --help."""

from _mmdet_tool import hand_over

if __name__ == '__main__':
    hand_over('test.py')
