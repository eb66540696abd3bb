"""What a command said."""

import json
from typing import Any, NamedTuple


class Told(NamedTuple):
    """What a command said and left with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said to a program."""
        return json.loads(self.out)
