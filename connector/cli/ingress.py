"""Take Meta's webhooks and write them to Kafka."""

from pathlib import Path

import click

from connector.cli import config_option
from connector.config import check_files, load_from_environment


@click.command()
@config_option
def command(config_path: Path | None) -> None:
    """Take Meta's webhooks and write them to Kafka.

    Stateless: start as many as you like behind a load balancer. SIGTERM answers the requests that are open and exits
    with 0.
    """
    from connector.cli.running import until_stopped  # noqa: PLC0415 - loads Kafka's client

    settings = load_from_environment(config_path)
    check_files(settings, "ingress")
    until_stopped("ingress", settings)
