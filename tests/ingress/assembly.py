"""The ingress put together without its server and its configuration, for tests."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connector.clock import Clock
from connector.ingress.admission import Admission, Limits
from connector.ingress.app import IngressApp
from connector.ingress.intake import Intake
from connector.ingress.numbers import Numbers
from connector.ingress.peers import Peers
from connector.ingress.publisher import EventTopics, Producer, Publisher
from connector.ingress.repeat_window import RepeatWindow
from connector.ingress.signals import Signals
from connector.ingress.tally import Tally
from connector.ingress.traces import IngressTraces
from connector.records.codec import Codec
from connector.telemetry.metrics import Metrics

PATH = "/webhook"
REPLICA = "ingress-0"
CODEC = Codec()


class Ingress(NamedTuple):
    """One ingress and those of its parts that tests look at."""

    app: IngressApp
    signals: Signals
    admission: Admission
    tally: Tally
    publisher: Publisher


class Secrets:
    """Secrets that may change while the ingress runs."""

    def __init__(self, *secrets: bytes) -> None:
        self.now: Sequence[bytes] = secrets

    def __call__(self) -> Sequence[bytes]:
        """Those of now."""
        return self.now


def assemble(
    producer: Producer,
    topics: EventTopics,
    clock: Clock,
    secrets: Secrets,
    *,
    tokens: Sequence[bytes] = (),
    limits: Limits | None = None,
    peers: Peers | None = None,
    window: int = 1000,
    numbers: Mapping[str, str] | None = None,
    timeout_s: float = 5.0,
    replica: str = REPLICA,
    traces: IngressTraces | None = None,
) -> Ingress:
    """An ingress in front of this producer."""
    tally = Tally(Metrics.no_op())
    admission = Admission(limits or Limits(), clock, tally)
    publisher = Publisher(producer, CODEC, topics, tally=tally, timeout_s=timeout_s)
    signals = Signals(publisher, replica, clock, admission.vouched_until)
    intake = Intake(
        publisher,
        signals,
        admission=admission,
        window=RepeatWindow(window),
        numbers=Numbers(numbers or {}),
        clock=clock,
        tally=tally,
        replica=replica,
        installation="default",
    )
    app = IngressApp(
        path=PATH,
        app_secrets=secrets,
        verify_tokens=lambda: tokens,
        peers=peers or Peers(),
        admission=admission,
        intake=intake,
        signals=signals,
        clock=clock,
        tally=tally,
        traces=traces,
    )
    return Ingress(app, signals, admission, tally, publisher)
