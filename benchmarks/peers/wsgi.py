"""The site's application, which counts."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from benchmarks.peers import counts

counts.begin(has_positions=settings.HAS_POSITIONS)
application = get_wsgi_application()
