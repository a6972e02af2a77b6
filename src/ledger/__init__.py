"""The books: what happened, what may happen, and proof of both."""
