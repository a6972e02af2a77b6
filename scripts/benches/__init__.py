"""What is measured: one module a case, listed in __main__."""
