"""Methods under regimes: a rate for each on tuning seeds, then fresh seeds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...methods import find_method
from ...whole_files import write_whole
from .regime import find_regime
from .training import Trained, train

TUNING_SEEDS = (0, 101, 102)  # one alone picks the rate by luck


@dataclass(frozen=True)
class Trial:
    """One training: regime and method by name, and the part of the data it answers."""

    regime: str
    method: str
    lr: float
    seed: int
    part: str = 'test'

    @property
    def key(self) -> str:
        """Its name in a file of results."""
        return json.dumps(list(asdict(self).values()))

    def run(self) -> Trained:
        """Train it."""
        return train(find_regime(self.regime), self.method, self.lr, self.seed, self.part)


class Screening:
    """Trainings of all methods under all regimes; finished ones are kept in a file.

    Args:
        regimes (Sequence[str]): Names in :data:`REGIMES`.
        methods (Sequence[str]): Words for :func:`find_method`; the first is
            what the others are compared with.
        seeds (Sequence[int]): Fresh ones; the tuning seeds are not among them.
        results (Path): JSON file; an earlier screening's is gone on with.

    Raises:
        ValueError: For unknown or repeated words, no seed, or a tuning seed.
    """

    def __init__(
        self, regimes: Sequence, methods: Sequence, seeds: Sequence, results: Path
    ) -> None:
        self.regimes = [find_regime(name) for name in regimes]
        self.methods = [find_method(word) for word in methods]
        self.seeds, self.file = list(seeds), Path(results)
        names = [method.name for method in self.methods]
        for what, words in (('--methods', names), ('--seeds', self.seeds)):
            if len(set(words)) != len(words) or not words:
                once = ' '.join(str(word) for word in dict.fromkeys(words)) or '1 2 3'
                raise ValueError(f'each once, and at least one. Write {what} {once}.')
        if set(TUNING_SEEDS) & set(self.seeds):
            raise ValueError(
                f'rates are chosen on the seeds {", ".join(map(str, TUNING_SEEDS))}. '
                'Write --seeds 1 2 3.'
            )
        self.done = self._read()

    def _read(self) -> dict:
        if not self.file.exists():
            return {}
        try:
            content = json.loads(self.file.read_text(encoding='utf-8'))
            return {key: Trained(**value) for key, value in content.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.file} is no file of this tool's results ({error}). Name another: "
                '--results regimes.json.'
            ) from error

    def _tuning(self, regime, method, lr: float) -> list:
        return [Trial(regime.name, method.name, lr, seed, 'held out') for seed in TUNING_SEEDS]

    def best_rate(self, regime, method) -> float:
        """The rate that answered the held-out images best on average; the lowest of equals."""

        def score(lr: float) -> tuple:
            tried = self._tuning(regime, method, lr)
            return sum(self.done[trial.key].accuracy for trial in tried), -lr

        return max(regime.rates, key=score)

    def work(self) -> Iterator[str]:
        """Do what is not done; yields a line after each training."""
        for regime in self.regimes:
            for method in self.methods:
                for lr in regime.rates:
                    yield from map(self._do, self._tuning(regime, method, lr))
                yield from map(self._do, self._fresh(regime, method))

    def _fresh(self, regime, method) -> list:
        lr = self.best_rate(regime, method)
        return [Trial(regime.name, method.name, lr, seed) for seed in self.seeds]

    def _do(self, trial: Trial) -> str:
        if trial.key not in self.done:
            self.done[trial.key] = trial.run()
            content = {key: asdict(value) for key, value in self.done.items()}
            write_whole(self.file, (json.dumps(content, indent=1) + '\n').encode())
        return f'{trial}: {self.done[trial.key].accuracy:.3f}'

    def fresh(self, regime, method) -> Mapping[int, Trained]:
        """Seed to result, at the method's own rate."""
        return {trial.seed: self.done[trial.key] for trial in self._fresh(regime, method)}
