from .server import create_app
from .serving import serve

__all__ = ["create_app", "serve"]
