"""Binary convolutions on packed signs, for training and for packed detectors."""
