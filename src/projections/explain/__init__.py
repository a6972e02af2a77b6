"""Explanations: from a figure, a row or an answer back to the facts, added up once more (NU4)."""
