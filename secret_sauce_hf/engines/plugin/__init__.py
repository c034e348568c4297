"""Plug-in files as instruments: what one lists, a declaration of it, and the engine that plays it.

A plug-in is a program that others wrote. It runs in a process of its own, never in the caller's, and no file is
loaded that the caller did not name. `describing` reads what a plug-in lists and declares it, `engine` plays it.
"""
