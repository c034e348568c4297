from .learn import Learned, learn

__all__ = ["Learned", "learn"]
