"""What is kept of a proof, so that it can be played in pieces: a plan, and each act.

An act counts once its figures are there. They are written last and all at once, so a proof that is
killed at any moment loses the act that it was at, and nothing else.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pinning.verify.history import Operation, write_history, write_lines

_PLAN = "plan.json"
_ROOT = Path(__file__).parents[1]

Figures = dict[str, Any]


class KeptError(Exception):
    """A folder in which no proof can begin or go on. The message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is to be played, and what decides how. ``code`` is a name for what is proved."""

    pairs: int
    step_seconds: float
    vendors: Sequence[str]
    seed: int
    code: str

    def order(self, names: Iterable[str]) -> list[str]:
        """Names in the order in which they are played."""
        kept = list(names)
        self._chance("order").shuffle(kept)
        return kept

    def visitors_seed(self, vendor: str, fault: str, turn: int) -> int:
        """What the visitors of an act do follows from it; ``turn`` counts the acts of its kind."""
        return self._chance(f"{vendor} {fault} {turn}").getrandbits(32)

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")


class Kept:
    """A folder with one plan and its acts."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Not by yourself: see ``begin`` and ``resume``."""
        self.plan = plan
        self._folder = folder
        self._acts: list[Figures] = [
            json.loads(path.read_text()) for path in sorted(folder.glob("act-*.json"))
        ]

    @classmethod
    def begin(cls, folder: Path, plan: Plan) -> Self:
        """Begin in a folder where there is no proof. Raises KeptError."""
        if (folder / _PLAN).exists():
            raise KeptError(
                f"There is a proof in {folder} already: go on with --resume, or move it away."
            )
        folder.mkdir(parents=True, exist_ok=True)
        _write_at_once(folder / _PLAN, asdict(plan))
        return cls(folder, plan)

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """Go on with what is there. Raises KeptError if that is nothing, or of other code."""
        try:
            plan = Plan(**json.loads((folder / _PLAN).read_text()))
        except FileNotFoundError:
            raise KeptError(f"There is no proof in {folder} to go on with.") from None
        if plan.code != code():
            raise KeptError(
                f"The proof in {folder} is of other code, so what is played now would not add to "
                "it. Move it away, and begin anew."
            )
        return cls(folder, plan)

    @property
    def acts(self) -> list[Figures]:
        """The figures of each act that was played."""
        return list(self._acts)

    @property
    def next_piece(self) -> int:
        """The number of the piece that is to be played."""
        return 1 + max((act["piece"] for act in self._acts), default=0)

    def turns(self, vendor: str, fault: str) -> int:
        """How many acts of that kind were played."""
        return len(self._of(vendor, fault))

    def pairs(self, vendor: str, fault: str) -> int:
        """How many pairs they have together."""
        return sum(act["pairs"] for act in self._of(vendor, fault))

    def keep(self, figures: Mapping[str, Any], history: Iterable[Operation], log: str) -> None:
        """Keep one more act: its history, the sites' logs, and then its figures."""
        words = "-".join(f"{figures['vendor']} {figures['fault']}".replace(",", "").split())
        number = f"act-{len(self._acts) + 1:04}-"
        for path in self._folder.glob(f"{number}*"):  # of an act that was not kept to its end
            path.unlink()
        name = f"{number}{words}"
        write_history(self._folder / f"{name}.jsonl.gz", history)
        write_lines(self._folder / f"{name}.log.gz", [log])
        kept = {**figures, "history": f"{name}.jsonl.gz"}
        _write_at_once(self._folder / f"{name}.json", kept)
        self._acts.append(kept)

    def _of(self, vendor: str, fault: str) -> list[Figures]:
        return [act for act in self._acts if (act["vendor"], act["fault"]) == (vendor, fault)]


def code() -> str:
    """A name for the code as it is: of the package and of the proof."""
    found = hashlib.sha256()
    for folder in ("pinning", "proof"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            found.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _write_at_once(path: Path, figures: Mapping[str, Any]) -> None:
    """A file that is there as a whole, or not."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(figures, indent=1) + "\n")
    part.replace(path)
