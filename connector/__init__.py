"""WhatsApp Cloud API and Apache Kafka, joined."""

from importlib.metadata import version

__version__ = version("whatsapp-kafka-connector")
