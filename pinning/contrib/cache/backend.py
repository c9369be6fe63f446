"""The cache backend: Django's methods for caches, on the cells of another cache."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponseBase

from pinning.contrib.cache import atomic, rules
from pinning.contrib.cache.cell import MISSING, Cell, unpacked
from pinning.contrib.cache.rules import Entry, Rule
from pinning.contrib.cache.transactions import Pending, pending
from pinning.contrib.cache.work import Work, has_uncommitted, open_transactions, pins_on
from pinning.pins import Pins

#: A deletion of everything leaves its barrier under this key.
_CLEARED = "pinning:cleared"


class TrueCache(BaseCache):
    """Another cache of CACHES, LOCATION, that never keeps what is older than the last deletion.

    KEY_PREFIX, VERSION, KEY_FUNCTION and TIMEOUT count as ever. The other cache adds its own.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        """Nothing is asked of ``location`` yet, which is the alias of the other cache."""
        super().__init__(params)
        self._location = location

    @cached_property
    def _inner(self) -> BaseCache:
        """The other cache. Raises ImproperlyConfigured if it is none."""
        is_known = self._location in django_settings.CACHES
        if not is_known or isinstance(caches[self._location], TrueCache):
            raise ImproperlyConfigured(
                "The LOCATION of a TrueCache names another cache of CACHES, which is no TrueCache: "
                f"{self._location!r} does not. (pinning.E048)"
            )
        return caches[self._location]

    # Reading

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, unless it may be older than what the work has written."""
        name = self.make_and_validate_key(key, version=version)
        return self._shown(name, self._inner.get(name, MISSING), default)

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Those that ``get`` would give, by one question."""
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        found = self._inner.get_many(names)
        shown = {
            key: self._shown(name, found.get(name, MISSING), MISSING) for name, key in names.items()
        }
        return {key: value for key, value in shown.items() if value is not MISSING}

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Whether ``get`` would give a value."""
        return self.get(key, MISSING, version=version) is not MISSING

    def _shown(self, name: str, raw: Any, default: Any) -> Any:
        cell = unpacked(raw, time.time())
        if cell.is_plain and cell.value is not MISSING:
            return cell.value
        work = Work()
        if work.may_see(cell):
            return cell.value
        work.note_miss((self._location, name), cell.barrier)
        return default

    # Storing

    def set(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Store ``value``, unless what it was made of may be older than the last deletion."""
        self._store(self.make_and_validate_key(key, version=version), value, timeout)

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Store ``value`` if there is none, as ``set`` does. Whether it was stored."""
        name = self.make_and_validate_key(key, version=version)
        return self._store(name, value, timeout, is_new=True)

    def get_or_set(
        self,
        key: Any,
        default: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> Any:
        """The value, or else ``default``, which is stored as ``set`` does."""
        found = self.get(key, MISSING, version=version)
        if found is not MISSING:
            return found
        value = default() if callable(default) else default
        name = self.make_and_validate_key(key, version=version)
        self._store(name, value, timeout, is_new=True, is_fill=True)
        return self.get(key, value, version=version)

    def set_many(
        self,
        data: Mapping[Any, Any],
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> list[Any]:
        """Store each by itself."""
        for key, value in data.items():
            self.set(key, value, timeout, version=version)
        return []

    def _store(
        self,
        name: str,
        value: Any,
        timeout: float | None,
        *,
        is_new: bool = False,
        is_fill: bool = False,
    ) -> bool:
        work = Work()
        entry = self._entry(work, name, value, timeout, is_new=is_new, is_fill=is_fill)
        if entry.seconds is not None and entry.seconds <= 0:
            return self._delete(name)
        try:
            is_stored = self._change(name, self._rule_for(entry, work, name))
        except atomic.SilentServerError:
            if not entry.is_fill:
                raise
            return False
        if is_stored and entry.is_fill:
            self._take_back_if_cleared(name, entry, work)
        return is_stored

    def _rule_for(self, entry: Entry, work: Work, name: str) -> Rule:
        if entry.is_lock:
            return rules.stored(entry, work)
        if has_uncommitted():
            return rules.opened(entry, work, self._open(name, work))
        writes = work.pins_of_writes()
        return rules.written(entry, work, writes) if writes else rules.stored(entry, work)

    def _entry(
        self,
        work: Work,
        name: str,
        value: Any,
        timeout: float | None,
        *,
        is_new: bool,
        is_fill: bool,
    ) -> Entry:
        miss = work.take_miss((self._location, name))
        is_filled = isinstance(value, HttpResponseBase) or (
            miss is not None and work.has_read_since(miss)
        )
        return Entry(
            value=value,
            seconds=self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout,
            is_new=is_new,
            is_fill=is_fill or is_filled or (miss is not None and not is_new),
            is_filled=is_filled,
            miss=miss,
        )

    def _take_back_if_cleared(self, name: str, entry: Entry, work: Work) -> None:
        """Delete what was stored just now, if everything was deleted and it may be older."""
        raw = self._inner.get(self.make_key(_CLEARED), MISSING)
        if not entry.may_stand(work, unpacked(raw, time.time()).barrier):
            self._change(name, rules.deleted(work, Pins()))

    # Changing what is there

    def touch(
        self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Let the value last for ``timeout`` from now. Whether there is one."""
        name = self.make_and_validate_key(key, version=version)
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        if seconds is not None and seconds <= 0:
            return self._delete(name)
        return self._change(name, rules.touched(Work(), seconds))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to the value. Raise ValueError if there is none."""
        name = self.make_and_validate_key(key, version=version)
        counted: list[int] = []
        if isinstance(self._inner.get(name, MISSING), int):
            try:
                return self._inner.incr(name, delta)
            except Exception:  # each client has its own for what was deleted meanwhile
                if isinstance(self._inner.get(name, MISSING), int):
                    raise
        if not self._change(name, rules.counted(Work(), delta, counted)):
            raise ValueError(f"Key {key!r} not found")
        return counted[-1]

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Delete it. What was read before, or from a replica that lacks it, is not stored again."""
        return self._delete(self.make_and_validate_key(key, version=version))

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        """Delete each by itself."""
        for key in keys:
            self.delete(key, version=version)

    def clear(self) -> None:
        """Delete everything in the other cache, as ``delete`` does."""
        self._inner.clear()
        self._delete(self.make_key(_CLEARED))

    def _delete(self, name: str) -> bool:
        work, before = Work(), list[bool]()
        if open_transactions():  # the write may come after it
            rule = rules.opened(None, work, self._open(name, work))
        else:
            rule = rules.deleted(work, work.pins_of_deletion())
        noted = rules.noting(work, rule, before)
        if not self._change(name, noted):  # somebody holds the key, or the server is ignored
            bare = _ruled(noted, MISSING)
            assert bare is not None  # noqa: S101
            self._inner.set(name, bare.value, bare.seconds)
        return before[0]

    # Transactions

    def _open(self, name: str, work: Work) -> str:
        return pending(work.memory, (self._location, name), partial(self._settle, name)).token

    def _settle(self, name: str, ended: Pending, is_committed: bool, keeps_value: bool) -> None:
        work = Work()
        pins = pins_on(ended.clusters, work.scope) if is_committed else Pins()
        with suppress(atomic.SilentServerError):  # until it is known again, nobody fills the key
            self._change(name, rules.closed(work, ended.token, pins, keeps_value=keeps_value))

    def _change(self, name: str, rule: Rule) -> bool:
        return atomic.change(self._inner, name, partial(_ruled, rule))

    # What django-redis has beside that

    def delete_pattern(self, pattern: str, version: int | None = None, **options: Any) -> int:
        """Delete every key that fits, as ``delete`` does. What others fill meanwhile as well."""
        inner: Any = self._inner
        names = list(inner.iter_keys(self.make_key(pattern, version=version), **options))
        self._delete(self.make_key(_CLEARED))
        return sum(self._delete(name) for name in names)

    def ttl(self, key: Any, version: int | None = None) -> int | None:
        """For how many seconds the value lasts: None is for ever, 0 is that there is none."""
        inner: Any = self._inner
        name = self.make_and_validate_key(key, version=version)
        cell = unpacked(inner.get(name, MISSING), time.time())
        if cell.is_plain:
            seconds: int | None = inner.ttl(name)
            return seconds
        if not Work().may_see(cell):
            return 0
        return None if cell.expires_at is None else int(cell.expires_at - time.time())

    def lock(self, key: Any, version: int | None = None, **options: Any) -> Any:
        """A lock of the other cache."""
        inner: Any = self._inner
        return inner.lock(self.make_key(key, version=version), **options)

    def __getattr__(self, name: str) -> Any:
        """Say what to do for a method that only the other cache has."""
        raise AttributeError(
            f"TrueCache has no {name!r}: what it does to keys could not be kept true. "
            f"Use caches[{self.__dict__.get('_location')!r}] for keys of your own there."
        )


def _ruled(rule: Rule, raw: Any) -> atomic.Change | None:
    now = time.time()
    new: Cell | None = rule(unpacked(raw, now), now)
    return None if new is None else atomic.Change(new.packed(), new.seconds(now))
