"""The mails that people get, in their language, as text and as HTML."""
