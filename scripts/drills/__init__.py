"""Drills: hours of bad luck in minutes, and a verdict."""
