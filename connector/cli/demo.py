"""Show the whole job in one terminal, with nothing to install."""

import click

from connector.cli import EXIT_FAILED, EXIT_INTERRUPTED


@click.command()
@click.option(
    "--commands",
    type=click.IntRange(1, 100_000),
    default=1200,
    show_default=True,
    help="Commands that can be sent; 8 faulty ones come on top.",
)
@click.option("--keep", is_flag=True, help="Keep everything running afterwards and print ready-made curl lines.")
@click.pass_context
def command(ctx: click.Context, commands: int, *, keep: bool) -> None:
    """Show the whole job in one terminal, with nothing to install.

    An embedded broker, a simulated Cloud API, the ingress and a delivery worker in one process: commands become paced
    sends, outcomes and dead letters; webhooks become records; statuses come back joined by command id. Exit code 0
    when all totals agree, 1 when they do not.
    """
    # Loads Kafka's client and the servers, which --help has no use for.
    import asyncio  # noqa: PLC0415 - see above
    import signal  # noqa: PLC0415 - see above

    import uvloop  # noqa: PLC0415 - see above
    from rich.console import Console  # noqa: PLC0415 - see above

    from connector.demo.run import Demo  # noqa: PLC0415 - see above
    from connector.telemetry import logs  # noqa: PLC0415 - see above

    logs.configure("console", "warning")

    async def run() -> bool | None:
        stop = asyncio.Event()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
        return await Demo(commands, keep=keep, console=Console()).run(stop)

    good = uvloop.run(run())
    if not good:
        ctx.exit(EXIT_INTERRUPTED if good is None else EXIT_FAILED)
