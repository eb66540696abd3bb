"""What people do with an installation beside running it: send, follow, examine, forecast, redrive dead letters."""
