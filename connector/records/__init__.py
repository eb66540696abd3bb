"""Kafka's language, without Kafka: the records, their bytes, keys, ids, headers and the envelope of a message."""
