import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from torch import nn

from surge_mmdet.classification import (
    ClsDataPreprocessor,
    GlobalAveragePooling,
    ImageClassifier,
    LinearClsHead,
)


def classifier(channels=64):
    torch.manual_seed(2)
    net = ImageClassifier(
        backbone=dict(type='surge_mmdet.BinaryResNet', depth=18, base_channels=8),
        neck=dict(type='surge_mmdet.GlobalAveragePooling'),
        head=dict(type='surge_mmdet.LinearClsHead', num_classes=5, in_channels=channels),
        data_preprocessor=dict(
            num_classes=5, mean=[1.0, 2.0, 3.0], std=[2.0, 2.0, 4.0], to_rgb=True
        ),
    )
    net.init_weights()
    return net


def batch(labels=(3, 0)):
    samples = [BaseDataElement(gt_label=label) for label in labels]
    return torch.randn(len(labels), 3, 32, 32), samples


def test_pooling_is_the_mean_of_each_map():
    maps = (torch.randn(2, 3, 4, 5), torch.randn(2, 6, 1, 1))
    pooled = GlobalAveragePooling()(maps)
    expected = F.adaptive_avg_pool2d(maps[0], 1).flatten(1)
    torch.testing.assert_close(pooled[0], expected)
    assert pooled[1].equal(maps[1].flatten(1))


def test_scores_are_the_linear_layer_on_the_last_stage():
    net, (x, _) = classifier().eval(), batch()
    pooled = net.backbone(x)[-1].mean((2, 3))
    torch.testing.assert_close(net(x), net.head.fc(pooled))


def test_loss_is_the_cross_entropy_of_the_labels():
    net, (x, samples) = classifier().eval(), batch()
    loss = net(x, samples, mode='loss')['loss']
    expected = -net(x).log_softmax(1)[[0, 1], [3, 0]].mean()
    torch.testing.assert_close(loss, expected)


def test_prediction_is_a_distribution_in_the_order_of_the_images():
    net, (x, samples) = classifier().eval(), batch()
    scores = torch.stack([s.pred_score for s in net(x, samples, 'predict')])
    torch.testing.assert_close(scores, net(x).softmax(1))
    assert [s.gt_label for s in samples] == [3, 0]


def test_gradient_reaches_every_parameter():
    net, (x, samples) = classifier(), batch()
    net.train()(x, samples, mode='loss')['loss'].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_a_few_steps_learn_four_images():
    net, (x, samples) = classifier(), batch((0, 1, 2, 3))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss = net.train()(x, samples, mode='loss')['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1 and sum(losses[-5:]) / 5 < 0.6 * losses[0]


def test_preprocessor_turns_bgr_to_rgb_and_normalises():
    image = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    data = ClsDataPreprocessor([1.0, 2.0, 3.0], [2.0, 2.0, 4.0], to_rgb=True)(
        dict(inputs=[image], data_samples=[None])
    )
    expected = torch.stack([(image[2] - 1.0) / 2, (image[1] - 2.0) / 2, (image[0] - 3.0) / 4])
    torch.testing.assert_close(data['inputs'], expected[None])


def test_head_of_another_width_shows_the_line():
    x, _ = batch()
    with pytest.raises(ValueError, match=r'head=dict\(in_channels=64\)'):
        classifier(channels=512)(x)


def test_head_starts_small():
    torch.manual_seed(0)
    head = LinearClsHead(100, 512)
    head.init_weights()
    assert isinstance(head.fc, nn.Linear)
    assert abs(head.fc.weight.std().item() - 0.01) < 1e-3
    assert not head.fc.bias.any()
