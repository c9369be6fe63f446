"""A page."""

from django.http import HttpRequest, HttpResponse
from wagtail.models import Page


class Leaf(Page):
    """Shows its title."""

    def serve(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Show the title alone, so that no template is needed."""
        return HttpResponse(self.title)
