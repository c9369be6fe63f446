"""The site's settings, and the driver: chosen before anything of Django's or ours looks for one."""

from tests.live.site import drivers

drivers.choose()

from tests.live.site.settings import *  # noqa: E402, F403
