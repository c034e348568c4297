"""The picture of a match: every row of a preset's table has its place, however many parameters there are."""

import io

import numpy as np
import pytest

from secret_sauce_hf.plots.match import draw

SOUND = np.sin(np.arange(8_000) / 20).astype(np.float32)


def texts(figure):
    return [cell.get_text().get_text() for axes in figure.axes for table in axes.tables
            for cell in table.get_celld().values()]  # fmt: skip


def drawn(count, muted=()):
    settings = [[f"parameter_{number}", "5.00", "10%"] for number in range(count)]
    figure = draw("a sound", SOUND, SOUND, settings, [["MSS", "1 dB"]], muted=set(muted))
    # Warnings are errors: a layout in which something has no room is one.
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure


@pytest.mark.parametrize("count", [1, 16, 29, 32])
def test_few_rows_are_one_table_with_what_is_not_heard_in_grey(count):
    figure = drawn(count, muted=[0])
    assert [text for text in texts(figure) if text.startswith("parameter_")] == [f"parameter_{n}" for n in range(count)]
    assert figure.get_figwidth() == pytest.approx(12.6)


@pytest.mark.parametrize(("count", "muted", "tables"), [(33, 0, 2), (145, 55, 3), (145, 0, 5), (145, 145, 1)])
def test_many_rows_are_several_tables_of_what_is_heard(count, muted, tables):
    figure = drawn(count, muted=range(muted))
    heard = [f"parameter_{number}" for number in range(muted, count)] or ["parameter_0"]
    assert [text for text in texts(figure) if text.startswith("parameter_")] == heard
    assert figure.get_figwidth() == pytest.approx(4.2 * (2 + tables))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert f"Preset, the {len(heard)} of {count} parameters that are heard" in titles
