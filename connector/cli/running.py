"""Runs a role and turns what ends it into an exit code and one clear line."""

from typing import Literal

import click

from connector.cli import EXIT_USAGE
from connector.config import Settings
from connector.delivery.command import RefusedStartError
from connector.kafka.group import FatalConsumerError
from connector.kafka.transaction import FatalProducerError
from connector.service.http import CannotListenError
from connector.service.process import run_delivery, run_ingress


class _RefusedStart(click.ClickException):
    """Somebody has to change the configuration first."""

    exit_code = EXIT_USAGE


def until_stopped(role: Literal["ingress", "delivery"], settings: Settings) -> None:
    """Run until a signal.

    Raises:
        click.ClickException: the role cannot go on; the message says why.
    """
    run = run_ingress if role == "ingress" else run_delivery
    try:
        run(settings)
    except CannotListenError as error:
        raise click.ClickException(str(error)) from None
    except RefusedStartError as error:
        raise _RefusedStart(str(error)) from None
    except FatalConsumerError as error:
        message = f"Kafka lets this worker read no more: {error}"
        raise click.ClickException(message) from error
    except FatalProducerError as error:
        message = f"Kafka lets this worker write no more: {error}"
        raise click.ClickException(message) from error
