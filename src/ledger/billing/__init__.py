"""Charges, from due to settled."""
