"""WhatsApp Cloud API and Apache Kafka, joined."""
