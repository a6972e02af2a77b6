"""The books: what happened, what may happen, and proof of both."""

__version__ = "0.1.0"
