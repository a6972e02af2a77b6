"""What pages, requests and commands ask of the views, now or as of a moment."""
