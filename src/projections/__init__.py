"""The views: all of it can be dropped and rebuilt from the facts."""
