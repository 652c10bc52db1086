"""Error decay estimator (IR-Net)."""

from torch import Tensor

from ..ranges import check_rising
from ..slope_activation import SlopeActivation
from ..slopes import geometric, tanh_slope


class SignEDE(SlopeActivation):
    r"""Sign with a tanh that sharpens over the training.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx k t (1 - \tanh^2(t x)), \qquad
        t = t_{min} (t_{max} / t_{min})^p, \quad k = \max(1/t, 1)

    with the progress p in [0, 1]. "Forward and Backward Information Retention
    for Accurate Binary Neural Networks" (Qin et al., CVPR 2020), section 3.3.
    The released code runs t from 0.1 to 10 in its VGG-Small, the defaults
    here, and from 0.001 to 10 in its binary ResNet-20. At the end the slope
    is 10 at 0 and 0.002 at 0.5, and over many layers both multiply: in
    detectors try ``t_max`` 2 to 4. The paper takes this slope for the weights
    too, as ``weight_rule=dict(type='Libra')`` does: both together are its
    method.

    Args:
        t_min (float): t at the start.
        t_max (float): t at the end.

    Raises:
        ValueError: Unless ``0 < t_min <= t_max``.

    Examples:
        >>> import torch
        >>> ede = SignEDE()
        >>> ede.set_progress(0.5)  # t = 1
        >>> ede.slope(torch.tensor([0.0, 0.5]))
        tensor([1.0000, 0.7864])
    """

    scheduled = True

    def __init__(self, t_min: float = 0.1, t_max: float = 10.0) -> None:
        super().__init__()
        check_rising('SignEDE', t_min=t_min, t_max=t_max)
        self.t_min, self.t_max = t_min, t_max

    def slope(self, u: Tensor) -> Tensor:
        """``k t (1 - tanh(t u)^2)``."""
        return tanh_slope(u, geometric(self.t_min, self.t_max, self.progress))

    def extra_repr(self) -> str:
        return f't_min={self.t_min}, t_max={self.t_max}'
