"""Numbers and their throughput as people write them on a command line. Nothing here is a command."""

import click

LEVELS = ("STANDARD", "HIGH", "NOT_APPLICABLE")
MPS_MAX = 1000


def number_and_limit(text: str) -> tuple[str, int | None]:
    """``ID``, ``ID=LEVEL`` or ``ID=MPS`` as the id and messages a second; None when there is no limit in it.

    Raises:
        click.BadParameter: anything else.
    """
    from connector.whatsapp.limits import throughput_mps  # noqa: PLC0415 - needed here only

    number, _, limit = text.partition("=")
    if not (number.isascii() and number.isdigit()):
        message = f"{text!r} does not begin with a phone number id"
        raise click.BadParameter(message, param_hint="--number")
    if not limit:
        return number, None
    if limit in LEVELS:
        return number, throughput_mps(limit)
    if limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MPS_MAX:
        return number, int(limit)
    message = f"{limit!r} is no level and no figure from 1 to {MPS_MAX}"
    raise click.BadParameter(message, param_hint="--number")
