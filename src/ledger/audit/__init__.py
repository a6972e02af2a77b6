"""Audit: what anybody can check without trusting us."""
