"""What a scope has written to one cluster, as one value. No I/O."""

from dataclasses import dataclass, replace

from pinning.pins import Pins

_NO_PINS = Pins()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was committed to a cluster, and as far as it is known, the positions of these commits.

    ``told`` has the pins that came with the commits. It is None once a commit came without pins:
    then the primary has to be asked, and ``asked`` has what it answered since the last commit.
    ``received`` has the pins of work that was done elsewhere.
    """

    commits: int = 0
    told: Pins | None = _NO_PINS
    asked: Pins | None = None
    received: Pins = _NO_PINS
    is_saved: bool = True

    @property
    def known(self) -> Pins | None:
        """The pins of all commits. None if the primary has to be asked."""
        return self.told or self.asked

    def with_commit(self, told: Pins | None) -> "Written":
        """A copy with one more commit, and the pins that came with the commit, if any."""
        both = None if self.told is None or told is None else self.told.merge(told)
        return replace(self, commits=self.commits + 1, told=both, asked=None, is_saved=False)

    def with_received(self, pins: Pins) -> "Written":
        """A copy with pins of work that was done elsewhere."""
        return replace(self, received=self.received.merge(pins), is_saved=False)

    def with_asked(self, then: "Written", pins: Pins) -> "Written":
        """A copy with the primary's answer, unless something was committed since it was asked."""
        return replace(self, asked=pins) if self.commits == then.commits else self

    def as_saved(self) -> "Written":
        """A copy in which all that was written counts as saved."""
        return replace(self, is_saved=True)


#: What every scope begins with.
NOTHING = Written()
