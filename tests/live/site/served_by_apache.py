"""The site as mod_wsgi wants it: a module that has it."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
