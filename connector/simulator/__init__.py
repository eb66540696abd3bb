"""A Cloud API that keeps Meta's rules: for the demo, the tests and users' own CI.

It shares no pacing, parsing or error code with the connector, so that it cannot repeat its mistakes. What Meta
documents is enforced as strictly as the text allows; what Meta leaves open is a setting.
"""
