"""System checks of PINNING and of the settings that it depends on.

``conf.rules`` checks the value of PINNING alone, ``models`` what PINNING says about models.
"""

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from pinning import conf
from pinning.checks import caches, cookies, models, packages, stores
from pinning.checks.base import Check, has_kind, is_kind, replicas_of
from pinning.conf import Settings
from pinning.middleware import PinningMiddleware
from pinning.reads import differences
from pinning.router import PinningRouter

#: Middleware that must run inside ours, and all that inherits from it: it uses the database, sets
#: identities or caches pages.
_INSIDE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)


def check_settings(**_: object) -> list[CheckMessage]:
    """Check the value of PINNING, and if it is right, the settings that it depends on."""
    problems = conf.find_problems(getattr(django_settings, "PINNING", {}))
    if problems:
        return [Error(problem.message, hint=problem.hint, id=problem.id) for problem in problems]
    return [message for check in _CHECKS for message in check(conf.settings())]


def _has_replicas(settings: Settings) -> Iterator[CheckMessage]:
    if not any(settings.replicas.values()):
        yield Warning(
            "PINNING['REPLICAS'] names no replica, so every read goes to the primary.",
            hint='For example: PINNING = {"REPLICAS": {"default": ["replica1"]}}.',
            id="pinning.W001",
        )


def _django_is_known(_: Settings) -> Iterator[CheckMessage]:
    if unknown := differences():
        yield Error(
            f"This Django is not as pinning knows it: {', '.join(unknown)}. Every read goes to the "
            "primary.",
            hint="Use a Django that this version of pinning supports, or a newer pinning.",
            id="pinning.E035",
        )


def _aliases_exist(settings: Settings) -> Iterator[CheckMessage]:
    for alias in settings.aliases:
        if alias not in django_settings.DATABASES:
            known = ", ".join(map(repr, django_settings.DATABASES))
            yield Error(
                f"PINNING['REPLICAS'] names {alias!r}, which is not in DATABASES.",
                hint=f"DATABASES has {known}.",
                id="pinning.E013",
            )


def _aliases_have_one_role(settings: Settings) -> Iterator[CheckMessage]:
    aliases = settings.aliases
    for alias in sorted({alias for alias in aliases if aliases.count(alias) > 1}):
        yield Error(
            f"PINNING['REPLICAS'] names {alias!r} more than once: a database is either a primary "
            "or a replica, of one cluster.",
            hint="Give each replica an alias of its own in DATABASES.",
            id="pinning.E014",
        )


def _router_is_there(settings: Settings) -> Iterator[CheckMessage]:  # noqa: ARG001
    if not any(is_kind(router, PinningRouter) for router in django_settings.DATABASE_ROUTERS):
        yield Warning(
            "PinningRouter is not in DATABASE_ROUTERS, so no read goes to a replica.",
            hint='Set DATABASE_ROUTERS = ["pinning.router.PinningRouter"].',
            id="pinning.W002",
        )


def _middleware_is_outermost(settings: Settings) -> Iterator[CheckMessage]:  # noqa: ARG001
    paths = list(django_settings.MIDDLEWARE)
    ours = next((path for path in paths if is_kind(path, PinningMiddleware)), None)
    if ours is None:
        yield Warning(
            "PinningMiddleware is not in MIDDLEWARE, so requests have no scope and read from the "
            "primary.",
            hint='Put "pinning.middleware.PinningMiddleware" first in MIDDLEWARE.',
            id="pinning.W003",
        )
        return
    for path in paths[: paths.index(ours)]:
        if has_kind(path, _INSIDE):
            yield Error(
                f"{path} stands before PinningMiddleware: what it writes would pin nobody, and "
                "pages that it caches could carry one user's pins to another.",
                hint='Put "pinning.middleware.PinningMiddleware" first in MIDDLEWARE.',
                id="pinning.E016",
            )


def _replicas_mirror_in_tests(settings: Settings) -> Iterator[CheckMessage]:
    for primary, alias, database in replicas_of(settings):
        mirror = database.get("TEST", {}).get("MIRROR")
        if mirror != primary:
            yield Warning(
                f"DATABASES[{alias!r}] does not mirror {primary!r} in tests, so tests would give "
                "it an empty database of its own.",
                hint=f'Set DATABASES["{alias}"]["TEST"] = {{"MIRROR": "{primary}"}}.',
                id="pinning.W006",
            )


def _replicas_have_no_atomic_requests(settings: Settings) -> Iterator[CheckMessage]:
    for _, alias, database in replicas_of(settings):
        if database.get("ATOMIC_REQUESTS"):
            yield Error(
                f"DATABASES[{alias!r}] has ATOMIC_REQUESTS, which opens a transaction on the "
                "replica for every request. Inside it no position can be trusted.",
                hint="Set it on the primary only.",
                id="pinning.E021",
            )


def _cap_is_above_window(settings: Settings) -> Iterator[CheckMessage]:
    if settings.max_pin < settings.window:
        yield Warning(
            f"PINNING['MAX_PIN'] ({settings.max_pin}) is below PINNING['WINDOW'] "
            f"({settings.window}), so pins with a position would hold less than those without.",
            hint="Raise MAX_PIN, or lower WINDOW.",
            id="pinning.W007",
        )


def _late_replicas_leave_before_pins_end(settings: Settings) -> Iterator[CheckMessage]:
    if settings.max_lag is not None and settings.max_lag >= settings.max_pin:
        yield Warning(
            f"PINNING['MAX_LAG'] ({settings.max_lag}) is not below PINNING['MAX_PIN'] "
            f"({settings.max_pin}), so a late replica may serve users whose writes it lacks.",
            hint="Lower MAX_LAG, or raise MAX_PIN.",
            id="pinning.W014",
        )


def _sessions_do_not_pin_everybody(settings: Settings) -> Iterator[CheckMessage]:
    in_database = django_settings.SESSION_ENGINE.endswith((".db", ".cached_db"))
    listed = {label.lower() for label in settings.unpinned_models}
    if (
        in_database
        and django_settings.SESSION_SAVE_EVERY_REQUEST
        and apps.is_installed("django.contrib.sessions")
        and "sessions.session" not in listed
    ):
        yield Warning(
            "SESSION_SAVE_EVERY_REQUEST writes to the database at every request, which pins every "
            "visitor all the time.",
            hint='Add "sessions.Session" to PINNING["UNPINNED_MODELS"] and to '
            'PINNING["PRIMARY_MODELS"].',
            id="pinning.W008",
        )


_CHECKS: tuple[Check, ...] = (
    _has_replicas,
    _django_is_known,
    _aliases_exist,
    _aliases_have_one_role,
    models.listed_models_exist,
    models.unpinned_models_are_read_on_the_primary,
    models.unpinned_models_are_not_joined,
    models.labels_exist,
    models.homes_load,
    models.read_only_clusters_exist,
    models.relations_stay_inside,
    models.sharded_keys_differ,
    _router_is_there,
    _middleware_is_outermost,
    cookies.browsers_take_them,
    cookies.marks_have_room,
    cookies.path_is_told,
    cookies.cipher_is_there,
    stores.stores_load,
    stores.identity_loads,
    stores.identity_is_asked,
    stores.cache_exists,
    stores.redis_cache_fits,
    stores.cache_is_shared,
    stores.counts_are_shared,
    caches.true_caches_have_another,
    caches.pins_are_kept_plainly,
    caches.caches_are_one_server,
    _replicas_mirror_in_tests,
    _replicas_have_no_atomic_requests,
    _cap_is_above_window,
    _late_replicas_leave_before_pins_end,
    _sessions_do_not_pin_everybody,
    packages.replicas_know_tenants,
    packages.cachalot_caches_no_replica,
    packages.cacheops_caches_no_replica,
    packages.tokens_are_read_on_the_primary,
)
