"""What becomes of an exception: the same seed once more, then a rejection of one slot that keeps the traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from synthgen.contract.rejections import ERROR
from synthgen.errors import Rejection, SynthgenError


class Trouble(NamedTuple):
    """Why a draw is rejected, and the traceback where an exception is the reason."""

    reason: str
    detail: str = ""


def try_twice(make: Callable[[], Any]) -> tuple[Any, Trouble | None]:
    """(result, None) or (None, trouble). An exception raised twice with the same seed becomes ``error:<type>``."""
    for last in (False, True):
        try:
            return make(), None
        except Rejection as rejection:
            return None, Trouble(rejection.reason)
        except (SynthgenError, MemoryError, OSError):
            raise
        except Exception as error:
            if last:
                return None, Trouble(ERROR + type(error).__name__, traceback.format_exc())
    raise AssertionError("unreachable")


def view_by_view(make: Callable[[range], Any], views: range) -> tuple[list[tuple[range, Any]], dict[int, Trouble]]:
    """``make(views)`` at once; where that raises, one by one, so that a poison view costs no other view its image.

    Returns the results with the views they are of, and what is wrong with the other views.
    """
    result, trouble = try_twice(partial(make, views))
    if trouble is None:
        return [(views, result)], {}
    if len(views) == 1:
        return [], {views[0]: trouble}
    alone = [view_by_view(make, range(view, view + 1)) for view in views]
    return [done for results, _ in alone for done in results], {k: v for _, bad in alone for k, v in bad.items()}
