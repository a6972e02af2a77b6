"""How facts are kept: appended, sealed, read back, backed up."""
