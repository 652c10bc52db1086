"""What AGS does, per stage of the network, in the training's log."""

from collections import defaultdict

from ..layer_access import PUBLISHED, monitor


class AGSStatistics:
    """Publishes the statistics of AGS, means over the layers of a stage.

    Args:
        layers (dict[str, BinaryLayer]): Layers that train with SURGE.
        interval (int): Publish every so many iterations.
    """

    def __init__(self, layers: dict, interval: int) -> None:
        self._layers, self._interval = layers, interval

    def ask(self, iteration: int) -> None:
        """Before an iteration: the cosine only where it will be published."""
        for layer in self._layers.values():
            monitor(layer, self._due(iteration))

    def publish(self, iteration: int, hub) -> None:
        """After an iteration: into the message hub, if it is due."""
        if not self._due(iteration):
            return
        stages, non_finite = defaultdict(list), 0
        for name, layer in self._layers.items():
            non_finite += layer.ags.read().non_finite.item()
            means = layer.ags.take_calls()
            if means:
                stages[stage_of(name)].append(means)
        for stage, rows in stages.items():
            for field, label in PUBLISHED.items():
                mean = sum(getattr(row, field) for row in rows) / len(rows)
                hub.update_scalar(f'train/surge.{label}.{stage}', mean)
        hub.update_scalar('train/surge.non_finite', non_finite)

    def _due(self, iteration: int) -> bool:
        return (iteration + 1) % self._interval == 0


def stage_of(name: str) -> str:
    """The stage that a layer is published under.

    Examples:
        >>> stage_of('backbone.layer1.0.conv1')
        'backbone.layer1'
    """
    return '.'.join(name.split('.')[:2])
