"""The whole job on one screen: an embedded broker, a simulated Cloud API, both roles and sample traffic."""
