import pytest
import torch

from surge_mmdet.classification import Accuracy


def evaluate(scores, labels, **kwargs):
    metric = Accuracy(**kwargs)
    metric.process(
        None,
        [
            dict(pred_score=torch.tensor(score), gt_label=label)
            for score, label in zip(scores, labels, strict=True)
        ],
    )
    return metric.evaluate(len(labels))


def test_shares_among_the_best_k_in_percent():
    scores = [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]
    found = evaluate(scores, [0, 1, 2, 2], topk=(1, 2, 3))
    assert found == {'accuracy/top1': 50, 'accuracy/top2': 75, 'accuracy/top3': 100}


def test_agrees_with_torchs_topk_on_random_scores():
    torch.manual_seed(0)
    scores, labels = torch.randn(200, 10), torch.randint(10, (200,))
    found = evaluate(scores.tolist(), labels.tolist(), topk=(1, 5))
    for k in (1, 5):
        hits = (scores.topk(k).indices == labels[:, None]).any(1)
        assert abs(found[f'accuracy/top{k}'] - hits.double().mean() * 100) < 1e-9


@pytest.mark.parametrize('constant', [0.25, float('nan')])
def test_scores_that_say_nothing_win_nothing(constant):
    found = evaluate([[constant] * 4] * 4, [0, 1, 2, 3], topk=1)
    assert found == {'accuracy/top1': 0}


def test_more_than_there_are_classes_is_refused():
    with pytest.raises(ValueError, match=r'topk=\(1, \)'):
        evaluate([[0.5, 0.5]], [0], topk=(1, 5))
