"""Building blocks of networks composed of ops: normalisation, dropout, embeddings, sampling."""

from penstock.nn import embedding, normalization, regularization, sampled, statistics

__all__ = ["embedding", "normalization", "regularization", "sampled", "statistics"]
