"""A page on which models answer in the visitor's browser."""

from secret_sauce_hf.browser.writing import RUNTIME_VERSION, page_files, write_page

__all__ = ["RUNTIME_VERSION", "page_files", "write_page"]
