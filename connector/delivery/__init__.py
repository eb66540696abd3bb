"""Outbound commands in, Cloud API calls out, outcomes and dead letters on Kafka."""
