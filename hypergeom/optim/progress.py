"""How far a run is, for those who watch it."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["Progress"]


class Progress:
    """A bar of tqdm, or without it one line a second on the standard error."""

    def __init__(self, maxiter: int, done: int) -> None:
        self.maxiter, self.next, self.bar = maxiter, 0.0, None
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        self.bar = tqdm(total=maxiter, initial=done, unit="it", desc="minimize")

    def show(self, nit: int, fun: float, grad_norm: float) -> None:
        """After an iteration."""
        now = time.perf_counter()
        late = now >= self.next
        if late:
            self.next = now + (0.1 if self.bar is not None else 1.0)
        if self.bar is not None:
            if late:
                self.bar.set_postfix_str(f"fun {fun:.6g}, |grad| {grad_norm:.2e}", refresh=False)
            self.bar.update(nit - self.bar.n)
        elif late:
            print(f"minimize: {nit}/{self.maxiter}, fun {fun:.6g}, |grad| {grad_norm:.2e}", file=sys.stderr)

    def close(self, *exception: Any) -> None:
        """At the end."""
        if self.bar is not None:
            self.bar.close()
