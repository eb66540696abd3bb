"""What delivery writes back to Kafka, and how it is made durable."""
