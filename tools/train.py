"""Train a detector: mmdet's own tools/train.py, see its --help."""

from _mmdet_tool import hand_over

from surge_mmdet.allocator import keep_freed_memory

if __name__ == '__main__':
    keep_freed_memory()
    hand_over('train.py')
