"""The line of the project that runs now: the innermost one that is no library's."""

import asyncio
import functools
import gc
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import asgiref
import django

_FOLDERS = (Path(django.__file__).parent, Path(__file__).parents[1], Path(asgiref.__file__).parent)
_INSTALLED = (sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
_LIBRARIES = tuple(f"{folder}{os.sep}" for folder in (*_FOLDERS, *_INSTALLED))
_OWN = tuple(f"{folder}{os.sep}" for folder in _FOLDERS)
_HANDLERS = f"{os.sep}{Path('django', 'core', 'handlers')}{os.sep}"


def line_of_project() -> str:
    """``file:line``, in Python or in a template. "" if nobody's code asks for anything here.

    Libraries are Django, pinning, and what lies in site-packages or with Python itself. Where the
    project's code asks for nothing, it is the innermost line of another package, for example of a
    shop. What stands around a handler of Django's has only passed the request on.
    """
    packages = ""
    for file, line in _places(sys._getframe(1)):
        if _is_projects(file):
            return f"{_short(file)}:{line}"
        if not packages and (name := _in_package(file)):
            packages = f"{name}:{line}"
    return packages


def _places(innermost: FrameType) -> Iterator[tuple[str, int]]:
    frame: FrameType | None = innermost
    while frame is not None and _HANDLERS not in frame.f_code.co_filename:
        if frame.f_code.co_name == "render_annotated":
            yield from _place_in_template(frame.f_locals.get("self"))
        if frame.f_code.co_name != "db_for_read":  # a router of the project's only passes it on
            yield frame.f_code.co_filename, frame.f_lineno
        if frame.f_code.co_name == "thread_handler":
            yield from _places_that_wait(frame)
        frame = frame.f_back


def _place_in_template(node: Any) -> Iterator[tuple[str, int]]:
    origin, token = getattr(node, "origin", None), getattr(node, "token", None)
    if origin is not None and token is not None:
        yield str(origin.name), token.lineno


def _places_that_wait(handler: FrameType) -> Iterator[tuple[str, int]]:
    """The coroutines that wait for what runs in a thread of asgiref's, the innermost first."""
    loop: Any = handler.f_locals.get("loop")
    called: tuple[Any, ...] = handler.f_locals.get("args", ())
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        frames = list(_awaiting(task.get_coro()))
        if frames and frames[-1].f_locals.get("child", called) in called:
            yield from ((each.f_code.co_filename, each.f_lineno) for each in reversed(frames))


def _awaiting(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of those that it awaits, from the outermost on."""
    while coroutine is not None:
        kind = "ag" if inspect.isasyncgen(coroutine) else "cr"
        frame = getattr(coroutine, f"{kind}_frame", None)
        if frame is not None:
            yield frame
        coroutine = getattr(coroutine, f"{kind}_await", None)
        if type(coroutine).__name__ == "async_generator_asend":  # which has no attributes
            coroutine = next(filter(inspect.isasyncgen, gc.get_referents(coroutine)), None)


def _short(file: str) -> str:
    try:
        return os.path.relpath(file)
    except (OSError, ValueError):  # the folder we work in is gone, or on another drive
        return file


@functools.lru_cache(2000)
def _in_package(file: str) -> str:
    """The file's name in a package that is neither Django nor ours. "" if it is in none."""
    folder, _, name = file.rpartition("-packages" + os.sep)
    is_other = folder.endswith(("site", "dist")) and not file.startswith(_OWN)
    return name if is_other else ""


@functools.lru_cache(2000)
def _is_projects(file: str) -> bool:
    is_installed = "site-packages" in file or "dist-packages" in file
    return not (file.startswith(("<", *_LIBRARIES)) or is_installed)
