"""The edge: HTTP and the command line in; settings; wiring."""
