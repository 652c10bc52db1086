"""The plan of a study: what is trained, under which settings."""

from dataclasses import dataclass, field

from .changes import Change


@dataclass(frozen=True)
class Plan:
    """What a study trains.

    Args:
        config (str): The detector's config, an absolute path.
        modules (tuple): The parts of the model that have a policy.
        methods (dict): Label to the policy of all these parts.
        baseline (str): The label that the others are compared with.
        tune_seed (int): On which the rates are chosen.
        seeds (tuple): On which the methods are compared.
        optimizers (dict): Name to ``dict(optimizer=, lrs=, own=)``.
        changes (dict): Label to what the method changes beside its policy.
        tune_share (float): Of the training images, on which the runs of the
            tuning seed train; they validate on the others.
        dataset (str): What the plan file calls the data of this config; empty
            if it has only one.
        more_seeds (dict): Label to the seeds that the method has beside
            ``seeds``; they are trained once everyone has those.
    """

    config: str
    modules: tuple
    methods: dict
    baseline: str
    tune_seed: int
    seeds: tuple
    optimizers: dict
    changes: dict = field(default_factory=dict)
    tune_share: float = 0.8
    dataset: str = ''
    more_seeds: dict = field(default_factory=dict)

    def change(self, method: str) -> Change:
        """What a method changes beside its policy."""
        return self.changes.get(method, Change())

    def seeds_of(self, method: str) -> tuple:
        """On which a method is compared."""
        return (*self.seeds, *self.more_seeds.get(method, ()))

    @property
    def all_seeds(self) -> tuple:
        """On which any method is compared, ascending."""
        return tuple(sorted({*self.seeds, *(s for each in self.more_seeds.values() for s in each)}))

    def rates(self, optimizer: str, method: str) -> tuple:
        """Learning rates to try: the method's own in the plan, if any."""
        setting = self.optimizers[optimizer]
        return tuple(setting.get('own', {}).get(method, setting['lrs']))

    def tuned(self, optimizer: str, method: str) -> tuple:
        """Rates that are tried on the tuning seed: none where a single one leaves
        no choice, unless a student needs its teacher there or there is no other seed."""
        rates = self.rates(optimizer, method)
        students = (name for name in self.methods if self.change(name).teacher == method)
        alone = not self.seeds_of(method)
        needed = len(rates) > 1 or alone or any(self.tuned(optimizer, name) for name in students)
        return rates if needed else ()

    def all_rates(self, optimizer: str) -> list:
        """Every rate that some method tries, ascending."""
        tried = {lr for method in self.methods for lr in self.rates(optimizer, method)}
        return sorted(tried | set(self.optimizers[optimizer]['lrs']))

    def count(self, optimizer: str, method: str) -> int:
        """How many runs a method has: of its tuning, then its seeds."""
        seeds = self.seeds_of(method) if self.rates(optimizer, method) else ()
        return len(self.tuned(optimizer, method)) + len(seeds)


def folder_word(label: str) -> str:
    """A method's part of a folder name."""
    return '-'.join(label.replace('+', 'and').split())
