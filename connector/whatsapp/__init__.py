"""Meta's language: notifications, messages, answers and limits. Pure, and knows no Kafka word."""
