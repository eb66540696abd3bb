"""Meta's webhooks in, records on Kafka out."""
