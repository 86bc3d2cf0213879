"""Reading WordNet."""

from hypergeom.datasets import load_wordnet


def nouns_or_none():
    """For a `setup_cache`: WordNet's nouns, None where WordNet is not installed."""
    try:
        return load_wordnet("noun")
    except FileNotFoundError:
        return None


def skip_without(nouns):
    """For a `setup`: asv skips a benchmark whose setup raises NotImplementedError."""
    if nouns is None:
        raise NotImplementedError("WordNet is not installed (Debian: wordnet-base)")


class WordNet:
    number, repeat, warmup_time = 1, 3, 0

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns):
        skip_without(nouns)

    def time_load_nouns(self, nouns):
        load_wordnet("noun")
