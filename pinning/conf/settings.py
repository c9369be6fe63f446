"""The PINNING setting as one frozen object with defaults."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from pinning.conf.once import made_once
from pinning.conf.rules import find_problems

#: What USE_REPLICAS says for one piece of work.
Switch: TypeAlias = bool | Literal["shadow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The attributes of pinning's cookies. ``None`` means: the same as for the session cookie."""

    name: str = "pinning"
    domain: str | None = None
    path: str | None = None
    secure: bool | None = None
    samesite: Literal["Lax", "Strict", "None"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The PINNING setting. Durations are in seconds; ``docs/settings.md`` explains each key."""

    replicas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: The weight of each replica to which REPLICAS gives one, by alias.
    weights: Mapping[str, float] = field(default_factory=dict)
    window: float = 5.0
    max_pin: float = 60.0
    stores: tuple[str, ...] = ("cookie",)
    cookie: Cookie = Cookie()
    cache: str = "default"
    identity: str | Callable[[HttpRequest], Iterable[str]] | None = None
    #: As the keys of ``request.META``.
    identity_headers: tuple[str, ...] = ("HTTP_AUTHORIZATION",)
    primary_models: tuple[str, ...] = ()
    unpinned_models: tuple[str, ...] = ()
    models: Mapping[str, str | Callable[..., str | None]] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()
    safe_methods: frozenset[str] | Callable[[HttpRequest], bool] = frozenset(
        {"GET", "HEAD", "OPTIONS", "TRACE"}
    )
    use_replicas: Switch | Callable[[HttpRequest], Switch] = True
    shadow_sample: float = 0.0
    retry_after: float = 10.0
    max_lag: float | None = 30.0
    probe_timeout: float | None = 0.1
    wait: float = 0.02
    task_wait: float = 0.5
    tasks: Literal["primary", "replica"] = "primary"

    def is_safe(self, request: HttpRequest) -> bool:
        """Whether ``request`` only reads, as far as SAFE_METHODS tells."""
        safe = self.safe_methods
        return bool(safe(request)) if callable(safe) else request.method in safe

    @property
    def pinnable(self) -> list[str]:
        """The clusters in which a pin can matter: those that are written, and have replicas."""
        found = (name for name, replicas in self.replicas.items() if replicas)
        return [name for name in found if name not in self.read_only]

    @property
    def aliases(self) -> list[str]:
        """Every alias that ``replicas`` names. One that is named twice is in the list twice."""
        return [
            alias for primary, replicas in self.replicas.items() for alias in (primary, *replicas)
        ]


def parse(raw: object) -> Settings:
    """The Settings in ``raw``, the value of PINNING.

    Raises ImproperlyConfigured with the first problem that ``find_problems`` finds.
    """
    for problem in find_problems(raw):
        raise ImproperlyConfigured(f"{problem.message} {problem.hint} ({problem.id})")
    assert isinstance(raw, Mapping)  # noqa: S101  find_problems has checked it
    values = {key.lower(): _frozen(key, value) for key, value in raw.items()}
    return Settings(**values, weights=_weights(raw.get("REPLICAS", {})))


def _frozen(key: str, value: Any) -> Any:
    if key == "REPLICAS":
        return {primary: tuple(replicas) for primary, replicas in value.items()}
    if key == "MODELS":
        return dict(value)
    if key == "COOKIE":
        return Cookie(**{name.lower(): item for name, item in value.items()})
    if key == "SAFE_METHODS" and not callable(value):
        return frozenset(method.upper() for method in value)
    if key == "IDENTITY_HEADERS":
        return tuple(f"HTTP_{name.upper().replace('-', '_')}" for name in value)
    return tuple(value) if isinstance(value, list | tuple) else value


def _weights(replicas: Mapping[str, Any]) -> dict[str, float]:
    given = (weights for weights in replicas.values() if isinstance(weights, Mapping))
    return {alias: weight for weights in given for alias, weight in weights.items()}


@made_once
def settings() -> Settings:
    """The PINNING setting of this process. Raises ImproperlyConfigured if it is wrong."""
    return parse(getattr(django_settings, "PINNING", {}))
