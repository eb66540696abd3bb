"""Thin ports over confluent-kafka. They know topics, keys and bytes, and nothing of what these mean."""
