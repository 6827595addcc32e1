"""Building blocks of networks composed of ops: normalisation, dropout, embeddings."""

from penstock.nn import embedding, normalization, regularization

__all__ = ["embedding", "normalization", "regularization"]
