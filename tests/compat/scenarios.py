"""What release 0.2.0 computed, in its own words: layers and a detector.

The files in ``golden/`` were written by these functions at the last commit of
0.2.0, with `python tests/compat/scenarios.py`. The tests run the same functions
on today's code; the option names are those of 0.2.0 on purpose.
"""

import sys
from pathlib import Path

import torch
from torch import nn

GOLDEN = Path(__file__).parent / 'golden'
STEPS = 3
POLYNOMIAL = dict(activation=dict(type='SignPolynomial'))
ETA = dict(eta=0.3)  # what its default was
LAYERS = {
    'default': dict(surge=ETA),
    'plain': dict(surge=None),
    'clip': dict(activation=dict(type='SignSTE', clip=0.5), surge=None),
    'polynomial': dict(surge=None, **POLYNOMIAL),
    'polynomial-surge': dict(surge=ETA, **POLYNOMIAL),
    'real-weight': dict(surge=ETA, weight_scale=dict(type='RealWeight')),
    'unscaled': dict(surge=dict(**ETA, aux_grad='unscaled')),
    'zeros': dict(surge=dict(**ETA, init='zeros', aux_grad='unscaled')),
    'kaiming': dict(surge=dict(init='kaiming', eta=1.0, max_scale=0.5)),
    'tied': dict(surge=dict(**ETA, branch='tied')),
    'lowrank': dict(surge=dict(**ETA, branch='lowrank')),
    'bfloat16': dict(surge=dict(**ETA, dtype='bfloat16')),
    'running': dict(surge=dict(**ETA, mode='running', momentum=0.5)),
    'norm-preserving': dict(surge=dict(**ETA, combine='norm_preserving')),
    'default-per-channel': dict(surge=dict(**ETA, per_channel=False)),
    'pointwise': dict(surge=dict(**ETA, branch='pointwise')),
    'depthwise': dict(surge=dict(**ETA, branch='depthwise')),
}
CONV_ONLY = ('pointwise', 'depthwise')


def layer_names() -> list:
    """Every scenario as ``kind/name``."""
    return [f'conv/{name}' for name in LAYERS] + [
        f'linear/{name}' for name in LAYERS if name not in CONV_ONLY
    ]


def build_layer(name: str) -> tuple:
    """The layer of a scenario behind a PReLU in float64, and its input."""
    from surge_mmdet.layers import BinaryConv2d, BinaryLinear

    kind, option = name.split('/')
    torch.manual_seed(0)
    if kind == 'conv':
        layer = BinaryConv2d(4, 8, 3, stride=2, padding=1, **LAYERS[option])
        x = torch.randn(2, 4, 6, 6, dtype=torch.double)
    else:
        layer = BinaryLinear(4, 8, **LAYERS[option])
        x = torch.randn(5, 4, dtype=torch.double)
    return nn.Sequential(nn.PReLU(), layer).double(), x


def train_layer(name: str) -> dict:
    """Three steps of SGD in float64: outputs, gradients of x, and the state."""
    net, x = build_layer(name)
    scaler = getattr(net[1], 'ags', None)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found = {}
    for step in range(STEPS):
        leaf = (x + 0.1 * step).requires_grad_()
        out = net(leaf)
        delta = torch.cos(torch.arange(out.numel(), dtype=torch.double)).view_as(out)
        optimizer.zero_grad()
        (out * delta).sum().backward()
        optimizer.step()
        if hasattr(scaler, 'close_step'):
            scaler.close_step(scaler.pending)
        found[f'out{step}'], found[f'grad{step}'] = out.detach(), leaf.grad
    found['eval'] = net.eval()(x).detach()
    found.update({f'state.{k}': v for k, v in net.state_dict().items()})
    return found


def detector_config(folder: Path):
    """A Faster R-CNN of 8 channels on tiny data, as the demo's config trains it."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from conftest import ROOT, tiny_config
    from mmengine.config import Config

    name = 'faster-rcnn_r18_fpn128_surge_12e_demo-digits.py'
    cfg = Config.fromfile(tiny_config(ROOT / 'configs/faster_rcnn' / name, folder))
    cfg.model.backbone.update(base_channels=4, stem_channels=4)
    cfg.model.neck.update(in_channels=[4, 8, 16, 32], out_channels=8)
    cfg.model.rpn_head.update(in_channels=8, feat_channels=8)
    box = cfg.model.roi_head
    box.bbox_roi_extractor.out_channels = 8
    box.bbox_head.update(in_channels=8, fc_out_channels=16)
    cfg.randomness = dict(seed=0)
    return cfg


def run_detector(cfg, folder: Path, epochs: int, checkpoint=None) -> dict:
    """Train to ``epochs`` (from a checkpoint), give losses and detections."""
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    cfg.work_dir = str(folder)
    cfg.train_cfg.update(max_epochs=epochs, val_interval=epochs)
    if checkpoint:
        cfg.load_from, cfg.resume = str(checkpoint), True
    init_default_scope('mmdet')
    torch.set_num_threads(1)
    runner = Runner.from_cfg(cfg)
    runner.train()
    losses = runner.message_hub.log_scalars['train/loss']
    model, batch = runner.model.eval(), next(iter(runner.val_dataloader))
    with torch.no_grad():
        found = model.test_step(batch)[0].pred_instances
    return dict(
        losses=torch.tensor([v for v in losses.data[0][-2:]]),
        boxes=found.bboxes[:5].clone(),
        scores=found.scores[:5].clone(),
    )


def write(target: Path) -> None:
    """Write all golden files; ran once, at 0.2.0."""
    import shutil
    import tempfile

    target.mkdir(parents=True, exist_ok=True)
    torch.save({name: train_layer(name) for name in layer_names()}, target / 'layers.pth')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cfg = detector_config(folder)
        dumped = cfg.copy()
        first = run_detector(cfg, folder / 'a', 1)
        shutil.copy(folder / 'a/epoch_1.pth', target / 'detector.pth')
        text = dumped.pretty_text.replace(str(folder), 'FOLDER')
        (target / 'detector.txt').write_text(text)
        cfg = detector_config(Path(tempfile.mkdtemp()))
        second = run_detector(cfg, folder / 'b', 2, target / 'detector.pth')
        torch.save(dict(first=first, second=second), target / 'detections.pth')
        print(first, second)


if __name__ == '__main__':
    write(GOLDEN)
