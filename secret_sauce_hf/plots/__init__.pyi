from .sheet import sound_sheet, write_sheet

__all__ = ["sound_sheet", "write_sheet"]
