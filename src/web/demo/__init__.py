"""A believable site, made through the same use cases as a real one, on a clock that runs fast."""

from web.demo.story import DemoReport, SiteNotEmpty, tell

__all__ = ["DemoReport", "SiteNotEmpty", "tell"]
