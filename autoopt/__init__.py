"""autoopt: an autonomous optimization loop, driven by declarative recipes."""

__version__ = "0.1.0"
