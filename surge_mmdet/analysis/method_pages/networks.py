"""Methods that are more than their binary layers: what a config has beside the policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...layers import RPReLU


@dataclass(frozen=True)
class Network:
    """A network that published a method of the list, and its other half.

    Args:
        label (str): How tables call both together.
        kind (type): The other half.
        model (Mapping): What it is in a config, from ``model`` on.
    """

    label: str
    kind: type
    model: Mapping


# Name of the method to its network. Names of ResNet's activation are those of BinaryResNet.
NETWORKS = {
    'rsign': Network('ReActNet', RPReLU, dict(backbone=dict(act_cfg=dict(type='RPReLU')))),
}
