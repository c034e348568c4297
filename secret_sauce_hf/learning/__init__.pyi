from .run import Learned, learn

__all__ = ["Learned", "learn"]
