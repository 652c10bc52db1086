import pytest
import torch

from surge_mmdet.analysis.curves import plot_surrogates, slopes
from surge_mmdet.binarizers import SignEDE, SignPolynomial


def test_slopes_are_the_binarizers():
    x = torch.tensor([-1.5, -0.25, 0.5])
    (only,) = slopes(SignPolynomial(), x).values()
    assert only.tolist() == [0, 1.5, 1]
    start, middle, end = slopes(SignEDE(), x[2:]).values()
    assert middle.item() == pytest.approx(0.786448, abs=1e-5)
    assert start.item() == pytest.approx(0.997504, abs=1e-5)
    assert end.item() == pytest.approx(0.00181583, abs=1e-6)


def test_the_figure_has_a_panel_for_each(tmp_path):
    plot_surrogates(tmp_path / 'surrogates.png')
    assert (tmp_path / 'surrogates.png').read_bytes()[:4] == b'\x89PNG'
