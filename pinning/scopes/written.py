"""What a scope has written to one cluster, as one value. No I/O."""

from dataclasses import dataclass, replace

from pinning.pins import Pins

_NO_PINS = Pins()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was committed to a cluster, and what is known of where that stands in the log.

    ``told`` are the pins that came with the commits: None once one came without. Then the primary
    has to be asked, and ``asked`` is what it answered since the last commit. ``received`` are the
    pins of work that was done elsewhere.
    """

    commits: int = 0
    told: Pins | None = _NO_PINS
    asked: Pins | None = None
    received: Pins = _NO_PINS
    is_saved: bool = True

    @property
    def known(self) -> Pins | None:
        """The pins of all commits. None where the primary has to be asked."""
        return self.told or self.asked

    def with_commit(self, told: Pins | None) -> "Written":
        """After one more commit, with the pins that came with it, if any did."""
        both = None if self.told is None or told is None else self.told.merge(told)
        return replace(self, commits=self.commits + 1, told=both, asked=None, is_saved=False)

    def with_received(self, pins: Pins) -> "Written":
        """With the pins of work that was done elsewhere."""
        return replace(self, received=self.received.merge(pins), is_saved=False)

    def with_asked(self, then: "Written", pins: Pins) -> "Written":
        """With the answer of the primary, unless something was committed since it was asked."""
        return replace(self, asked=pins) if self.commits == then.commits else self

    def as_saved(self) -> "Written":
        """With everything handed over to whoever saves it."""
        return replace(self, is_saved=True)


#: What every scope begins with.
NOTHING = Written()
