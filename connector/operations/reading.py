"""The codec of a command that reads: with a registry, schemas are fetched as records name them."""

from collections.abc import Callable

from connector.config import Settings
from connector.records.codec import Codec
from connector.service.schema_registry import open_registry


def reading_codec(settings: Settings, call_on_close: Callable[[Callable[[], None]], object]) -> Codec:
    """Decodes what any writer wrote; asks the registry, where there is one, when the first record names an id.

    Args:
        settings: of the installation.
        call_on_close: is handed what gives the registry's connections back.

    Raises:
        ConfigurationError: the registry's settings cannot be used.
        UnusableSecret: its credentials cannot be read.
    """
    if settings.schema_registry.url is None:
        return Codec()
    registry = open_registry(settings.schema_registry)
    call_on_close(registry.close)
    return Codec(fetch=registry.schema_of)
