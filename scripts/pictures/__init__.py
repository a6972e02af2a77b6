"""Pictures of the main pages, for the README and docs/screens.md."""
