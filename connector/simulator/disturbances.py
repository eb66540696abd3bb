"""What happens to webhooks between Meta and their receiver: some late, some twice, some never. PURE."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random

from connector.simulator.latency import latency
from connector.simulator.settings_webhooks import WebhookSettings
from connector.simulator.webhooks import Notice, labels


class Disturbances:
    """Applies the settings to each update once, when it is added.

    Nothing is drawn for what is switched off, so that a seed means the same with and without it.

    Attributes:
        counts: updates ``muted``, ``lost`` and ``duplicated`` so far.

    Args:
        settings: kinds, shares and delays.
        random: of the draws.
    """

    def __init__(self, settings: WebhookSettings, random: Random) -> None:
        self.counts: Counter[str] = Counter()
        self._random = random
        self.change(settings)

    def change(self, settings: WebhookSettings) -> None:
        """Go by other settings from now on."""
        self._settings = settings
        self._muted = frozenset(settings.muted)
        self._late_s: Callable[[], float] = latency(settings.delay, self._random)

    def __call__(self, notices: Iterable[Notice]) -> Iterator[Notice]:
        """What becomes of ``notices``."""
        for notice in notices:
            if self._muted and not self._muted.isdisjoint(labels(notice)):
                self.counts["muted"] += 1
            elif self._happens(self._settings.lost):
                self.counts["lost"] += 1
            else:
                yield self._later(notice)
                if self._happens(self._settings.duplicated):
                    self.counts["duplicated"] += 1
                    yield self._later(notice, self._random.uniform(0, self._settings.duplicate_ms / 1000))

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _later(self, notice: Notice, by_s: float = 0.0) -> Notice:
        by_s += self._late_s()
        if self._settings.order == "shuffled":
            by_s += self._random.uniform(0, self._settings.shuffle_ms / 1000)
        return notice._replace(due_s=notice.due_s + by_s) if by_s > 0 else notice
