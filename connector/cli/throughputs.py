"""Numbers and their throughput as people write them on a command line. Nothing here is a command."""

import click

from connector.whatsapp.limits import THROUGHPUT_MPS, Level, throughput_mps

MPS_MAX = max(THROUGHPUT_MPS.values())


def number_and_limit(text: str) -> tuple[str, int | None]:
    """``ID``, ``ID=LEVEL`` or ``ID=MPS`` as the id and messages a second; None when there is no limit in it.

    Raises:
        click.BadParameter: anything else.
    """
    number, _, limit = text.partition("=")
    if not (number.isascii() and number.isdigit()):
        message = f"{text!r} does not begin with a phone number id"
        raise click.BadParameter(message, param_hint="--number")
    if not limit:
        return number, None
    if limit in Level.__members__:
        return number, throughput_mps(limit)
    if limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MPS_MAX:
        return number, int(limit)
    message = f"{limit!r} is no level and no figure from 1 to {MPS_MAX}"
    raise click.BadParameter(message, param_hint="--number")
