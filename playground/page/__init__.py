"""The page: the little Discord in a browser. It is served on the little Discord's own port, with nothing from elsewhere."""

from playground.page.server import Page

__all__ = ["Page"]
