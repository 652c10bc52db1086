"""What losses beside the detector's own have in common."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from .context import Context


class DetectorLoss(nn.Module, ABC):
    """Base: a scalar from a training step, added to the detector's losses.

    Its parameters, if it has any, are trained and saved with the detector,
    and not needed to detect.

    Args:
        weight (float): Factor on the loss.

    Attributes:
        needs_teacher (bool): Whether it compares with a teacher.

    Raises:
        ValueError: If the weight is no number or negative.
    """

    needs_teacher = False

    def __init__(self, weight: float) -> None:
        super().__init__()
        self._check_weight('weight', weight)
        self.weight = weight

    def prepare(self, detector: nn.Module) -> None:  # noqa: B027 - most have nothing to do
        """Build what the detector's structure decides; called once, before training.

        Args:
            detector (nn.Module): The one that is trained.

        Raises:
            ValueError: If the loss has no meaning for it.
        """

    def watches(self, detector: nn.Module) -> tuple:
        """Names of the modules whose calls :meth:`forward` reads."""
        return ()

    @abstractmethod
    def forward(self, context: Context) -> Tensor:
        """The weighted loss of a step, a scalar."""

    def extra_repr(self) -> str:
        return f'weight={self.weight}'

    def _check_weight(self, key: str, value: float) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
            name = type(self).__name__
            raise ValueError(
                f'{name}: {key} must be a number and not negative, got {value!r}. '
                f"Write dict(type='surge_mmdet.{name}', {key}=1.0)."
            )
