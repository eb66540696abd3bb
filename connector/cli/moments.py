"""Points in time as people write them on a command line. Nothing here is a command."""

import re
from datetime import datetime

import click

_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Moment(click.ParamType[int]):
    """``15m``, ``2h`` or ``3d`` ago, or ISO 8601 with a zone; becomes Unix milliseconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See the class."""
        if isinstance(value, int):
            return value
        text = str(value)
        if ago := _AGO.fullmatch(text):
            from connector.clock import SystemClock  # noqa: PLC0415 - only this reads time

            return SystemClock().wall_ms() - int(ago[1]) * _SECONDS[ago[2]] * 1000
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{text!r} is neither a time ago such as 2h nor ISO 8601 with a zone", param, ctx)
        return round(moment.timestamp() * 1000)
