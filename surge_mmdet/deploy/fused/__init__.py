"""What a packed detector computes in one pass: blocks that take the place of its modules.

:mod:`.fuse` puts them there; the weights stay the same.
"""
