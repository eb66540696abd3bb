"""Logs, metrics, traces and health: what an operator sees of the connector."""
