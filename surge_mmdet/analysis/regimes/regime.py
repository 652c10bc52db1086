"""The conditions of a training, each one change away from the first."""

from dataclasses import dataclass
from types import MappingProxyType

from ...errors import unknown

OPTIMIZERS = MappingProxyType(
    {'AdamW': (1e-3, 3e-3, 1e-2), 'SGD': (0.05, 0.2, 0.8)}  # and rates to choose from
)


@dataclass(frozen=True)
class Regime:
    """A network, its data and its optimizer.

    Args:
        name (str): What commands and tables call it.
        depth (int): Binary 3x3 convolutions.
        shortcuts (bool): Whether one goes around each of them.
        gamma (float): Start of each norm's weight. A normal value of that
            deviation lies beyond [-1, 1], where the clipped straight-through
            estimator hands down nothing, with chance 0.32 for 1, 0.74 for 3.
        optimizer (str): ``'AdamW'`` or ``'SGD'`` with momentum 0.9.
        images (int): For training.
        epochs (int): Cosine decay over all of them.
        eta (float): Of SURGE, eq. 10 of the paper; the others do not have it.
        real_start (bool): Whether the weights are those of the float twin,
            trained as long on the same seed at the middle rate.

    Examples:
        >>> find_regime('SGD').optimizer
        'SGD'
    """

    name: str
    depth: int = 8
    shortcuts: bool = True
    gamma: float = 1.0
    optimizer: str = 'AdamW'
    images: int = 800
    epochs: int = 20
    eta: float = 0.3
    real_start: bool = False

    @property
    def rates(self) -> tuple:
        """Learning rates that the tuning seeds try."""
        return OPTIMIZERS[self.optimizer]


REGIMES = MappingProxyType(
    {
        regime.name: regime
        for regime in (
            Regime('shortcuts'),
            Regime('SGD', optimizer='SGD'),
            Regime('no shortcuts', shortcuts=False),
            Regime('no shortcuts, SGD', shortcuts=False, optimizer='SGD'),
            Regime('16 layers, no shortcuts', depth=16, shortcuts=False),
            Regime('gamma 3, no shortcuts', shortcuts=False, gamma=3.0),
            Regime('100 images', images=100, epochs=80),
            Regime('80 epochs', epochs=80),
            Regime('eta 1', eta=1.0),
            Regime('real start', real_start=True),
        )
    }
)


def find_regime(name: str) -> Regime:
    """The regime of this name.

    Raises:
        ValueError: For an unknown one; the text shows the nearest.
    """
    if name not in REGIMES:
        raise unknown('regime', name, REGIMES, "--regimes '{}'")
    return REGIMES[name]
