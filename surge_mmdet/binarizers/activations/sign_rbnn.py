"""Training-aware approximation (RBNN)."""

from torch import Tensor

from ..ranges import check_rising
from ..slope_activation import SlopeActivation
from ..slopes import geometric, parabola_slope


class SignRBNN(SlopeActivation):
    r"""Sign with a parabola that narrows over the training.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx k \max(\sqrt 2 t - t^2 |x|, 0), \qquad
        t = t_{min} (t_{max} / t_{min})^p, \quad k = \max(1/t, 1)

    with the progress p in [0, 1]: zero beyond :math:`\sqrt 2 / t`. "Rotated
    Binary Neural Network" (Lin et al., NeurIPS 2020). Its published code
    keeps k = 1 and t >= 1 for activations, though not for weights, and
    standardises activations per sample; this class does neither. The weights'
    half of the paper is ``weight_rule=dict(type='RBNN')``.

    Args:
        t_min (float): t at the start.
        t_max (float): t at the end.

    Raises:
        ValueError: Unless ``0 < t_min <= t_max``.

    Examples:
        >>> import torch
        >>> SignRBNN().slope(torch.tensor([0.0, 0.5]))
        tensor([1.4142, 1.4092])
    """

    scheduled = True

    def __init__(self, t_min: float = 0.01, t_max: float = 10.0) -> None:
        super().__init__()
        check_rising('SignRBNN', t_min=t_min, t_max=t_max)
        self.t_min, self.t_max = t_min, t_max

    def slope(self, u: Tensor) -> Tensor:
        """``k max(sqrt(2) t - t^2 |u|, 0)``."""
        return parabola_slope(u, geometric(self.t_min, self.t_max, self.progress))

    def extra_repr(self) -> str:
        return f't_min={self.t_min}, t_max={self.t_max}'
