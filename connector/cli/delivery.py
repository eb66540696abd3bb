"""Send commands from Kafka through the Cloud API."""

from pathlib import Path

import click

from connector.cli import config_option
from connector.config import check_files, load_from_environment


@click.command()
@config_option
def command(config_path: Path | None) -> None:
    """Send commands from Kafka through the Cloud API.

    One member of the consumer group; start as many as there are partitions at most. SIGTERM lets requests under way
    finish, commits, leaves the group and exits with 0.
    """
    from connector.cli.running import until_stopped  # noqa: PLC0415 - loads Kafka's client

    settings = load_from_environment(config_path)
    check_files(settings, "delivery")
    until_stopped("delivery", settings)
