"""The composition root: the only place, beside the command line, that builds objects and joins them."""
