"""What Kafka or the registry refuses, told in one line. Nothing here is a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turns what cannot be reached or is not allowed into exit code 1 and the reason."""
    from connector.kafka.registry import RegistryUnavailableError  # noqa: PLC0415 - loads Kafka's client
    from connector.operations.tail import KafkaFault  # noqa: PLC0415 - see above

    try:
        yield
    except (KafkaFault, RegistryUnavailableError) as error:
        raise click.ClickException(str(error)) from None
