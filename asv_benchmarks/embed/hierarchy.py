"""Transitive closure."""

from hypergeom.embed import closure

from ..datasets import nouns_or_none, skip_without


class Nouns:
    number, repeat, warmup_time = 1, 3, 0

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns):
        skip_without(nouns)

    def time_closure(self, nouns):
        closure(nouns.direct_edges)
