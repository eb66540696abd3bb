"""The codec of a command that reads: with a registry, schemas are fetched as records name them."""

from connector.config import Settings
from connector.records.codec import Codec
from connector.service.schema_registry import open_registry


def reading_codec(settings: Settings) -> Codec:
    """Decodes what any writer wrote; asks the registry, where there is one, when the first record names an id.

    Raises:
        ConfigurationError: the registry's settings cannot be used.
        UnusableSecret: its credentials cannot be read.
    """
    if settings.schema_registry.url is None:
        return Codec()
    return Codec(fetch=open_registry(settings.schema_registry).schema_of)
