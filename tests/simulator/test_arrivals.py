"""Inbound messages come in: what follows from each, in virtual time."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from connector.simulator import ids
from connector.simulator.arrivals import Arrivals
from connector.simulator.business import Business
from connector.simulator.observer import Observer
from connector.simulator.settings import from_mapping
from connector.simulator.webhooks import Notice, Update


class Bench:
    """Arrivals at one number, and what they post."""

    def __init__(self, base_url: str | None = None, **inbound: Any) -> None:
        random = Random(7)  # noqa: S311 - repeatable on purpose
        settings = from_mapping({"numbers": [{"id": "1"}], "inbound": inbound})
        self.business = Business(settings, random, 0)
        self.number = self.business.numbers.all()[0]
        self.observer = Observer(100)
        self.posted: list[Notice] = []
        self.arrivals = Arrivals(
            settings.inbound,
            self.business,
            self.observer,
            self,
            random,
            post=self._post,
            base_url=lambda: base_url,
        )

    def _post(self, notices: Sequence[Notice]) -> None:
        self.posted += notices

    def monotonic(self) -> float:
        """Seconds."""
        return 50.0

    def wall_ms(self) -> int:
        """Milliseconds."""
        return 1_700_000_050_000

    def messages(self) -> list[dict[str, Any]]:
        """All messages posted."""
        return [notice.item for notice in self.posted if isinstance(notice, Update)]


def test_a_message_is_posted_counted_and_opens_a_window() -> None:
    """Against the number's limit, and for the user who wrote."""
    bench = Bench()
    message_id = bench.arrivals.receive(bench.number, "text", "16505551234")
    assert [message["id"] for message in bench.messages()] == [message_id]
    assert bench.number.window.used(50.0) == 1
    assert bench.observer.summary()["numbers"]["1"]["inbound"] == 1
    assert bench.business.people.window_open("1", ids.user_id("16505551234"), 50.0)


def test_a_message_given_whole_is_known_by_its_own_id() -> None:
    """Also when it comes a second time."""
    bench = Bench()
    content = {"type": "text", "text": {"body": "hi"}, "id": "wamid.again"}
    assert bench.arrivals.receive(bench.number, "text", None, content) == "wamid.again"


def test_a_share_of_the_population_hides_its_phones() -> None:
    """The same users each time."""
    bench = Bench(hidden=0.3, users=100)
    for _ in range(1000):
        bench.arrivals.receive(bench.number, "text")
    hidden = {message["from_user_id"] for message in bench.messages() if "from" not in message}
    shown = {message["from_user_id"] for message in bench.messages() if "from" in message}
    assert len(hidden) == 30
    assert not hidden & shown


@pytest.mark.parametrize("kind", ["image", "video", "audio", "voice", "document", "sticker"])
def test_media_are_kept_for_download(kind: Any) -> None:
    """Under the id in the message, with the digest told there."""
    bench = Bench("http://simulator:8900")
    bench.arrivals.receive(bench.number, kind)
    (message,) = bench.messages()
    told = message[message["type"]]
    medium = bench.business.media.find(told["id"], bench.wall_ms())
    assert medium is not None
    assert (medium.digest, medium.mime_type) == (told["sha256"], told["mime_type"].split(";")[0])
    assert told["url"].startswith("http://simulator:8900/")


def test_without_an_address_media_have_no_url() -> None:
    """It is left out until one is known; the id is enough."""
    bench = Bench()
    bench.arrivals.receive(bench.number, "image")
    assert set(bench.messages()[0]["image"]) == {"mime_type", "sha256", "id", "caption"}
