# One-step pretraining: binary weights and activations from a random start.
_base_ = [
    './_base_/binary-resnet18.py',
    './_base_/imagenet_224.py',
    './_base_/adam_128e.py',
    './_base_/runtime.py',
]
