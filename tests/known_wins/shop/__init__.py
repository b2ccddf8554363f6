"""A web shop's nightly figures."""
