"""A group whose offsets are deleted: what a worker that starts then does, by ``on_missing_offsets``."""

import asyncio
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from tests.chaos import collect
from tests.chaos.commands import Draft, plain_draft
from tests.chaos.driver import CommandDriver
from tests.chaos.ledgers import Stop
from tests.chaos.probe_ledgers import History, Restart
from tests.chaos.site import READY_WITHIN_S, Installation, Site, holds

NUMBER: Final = "106540352245000"
SETTLED: Final = 40
NEW: Final = 10
WATCHED_S: Final = 15.0
"""A worker that sends again does so within a second of its first assignment, which takes about 4 s."""
DONE_WITHIN_S: Final = 60.0


async def history(place: Site) -> tuple[History, list[Stop]]:
    """Settle some commands, produce some more, delete the offsets, start; then once more in the other mode."""
    installation = Installation(
        place,
        "history",
        simulator={"numbers": [{"id": NUMBER, "level": "STANDARD"}]},
        changes={"delivery": {"session_timeout_s": 10}},
    )
    try:
        return await _History(place, installation).run(), installation.stops
    finally:
        installation.close()


class _History:
    def __init__(self, place: Site, installation: Installation) -> None:
        self._place = place
        self._installation = installation
        self._names = installation.system.settings.topic_names

    async def run(self) -> History:
        await self._installation.open()
        worker = self._installation.add("delivery", "first")
        await self._produce(plain_draft(f"old-{index}", NUMBER, f"1650570{index:04d}") for index in range(SETTLED))
        worker.start()
        settled = await self._all_settled()
        await self._installation.stop(worker)
        if not settled:
            return History(0, ())
        await self._produce(plain_draft(f"new-{index}", NUMBER, f"1650571{index:04d}") for index in range(NEW))
        await self._forget_offsets()
        stop = await self._restart("stop", new=NEW)
        await self._forget_offsets()
        outcomes = await self._restart("from_outcomes", new=NEW - stop.sent_new)
        self._place.say("history: done")
        return History(SETTLED, (stop, outcomes))

    async def _all_settled(self) -> bool:
        found: set[str] = set()
        with collect.reading(self._place.broker.bootstrap, [self._names.delivery_outcomes]) as reading:

            def all_there() -> bool:
                found.update(collect.outcome(message).command_id for message in reading.more())
                return len(found) >= SETTLED

            return await holds(all_there, DONE_WITHIN_S, every_s=0.3)

    async def _forget_offsets(self) -> None:
        """As when a group's offsets expire, or somebody deletes it; a member that was killed has to leave it first."""
        group = self._installation.system.settings.delivery.group_id
        admin = AdminClient({"bootstrap.servers": self._place.broker.bootstrap, "log_level": 0})

        def deleted() -> bool:
            try:
                admin.delete_consumer_groups([group])[group].result(timeout=30)
            except KafkaException as error:
                return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)
            return True

        await self._installation.until("the group is deleted", deleted, DONE_WITHIN_S)

    async def _restart(self, mode: str, *, new: int) -> Restart:
        """Start a worker and look at what it sends, for so long or until it has sent all that it could."""
        with self._installation.observer() as observer:
            await asyncio.to_thread(observer.reset)
            worker = self._installation.add("delivery", mode, changes={"delivery": {"on_missing_offsets": mode}})
            worker.start()

            def sent() -> tuple[int, int]:
                names = {request.command for request in collect.requests(observer) if request.accepted}
                again = sum(name.startswith("old-") for name in names)
                return again, len(names) - again

            def over() -> bool:
                again, fresh = sent()
                return worker.pid is None or again >= SETTLED or 0 < new <= fresh

            await holds(lambda: worker.pid is None or worker.get("/livez") is not None, READY_WITHIN_S)
            await holds(over, WATCHED_S)
            code = worker.exit_code
            again, fresh = await asyncio.to_thread(sent)
        await self._installation.stop(worker)
        return Restart(mode, new, again, fresh, code)

    async def _produce(self, drafts: Iterable[Draft]) -> None:
        driver = CommandDriver(self._place.broker.bootstrap, *self._names.commands)
        driver.produce(drafts)
        await driver.flush()
