"""Building blocks of networks composed of ops: normalisation, dropout, embeddings, clipping."""

from penstock.nn import clipping, embedding, normalization, regularization

__all__ = ["clipping", "embedding", "normalization", "regularization"]
