"""The cards' building blocks; the cards themselves are tested where they are made."""

import re

import pytest
from huggingface_hub import constants

from secret_sauce_hf.cards.templates import TEMPLATES, citation, render_card, table_text


def test_a_text_stays_in_its_cell():
    assert table_text("fine | coarse\nof <b>*both*</b>, a < b") == r"fine \| coarse of \<b>\*both\*\</b>, a < b"


@pytest.mark.parametrize("endpoint", ["https://huggingface.co", "https://hub.example:8443", "http://127.0.0.1:9/hf"])
def test_addresses_are_those_of_the_endpoint(endpoint, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    assert f"url = {{{endpoint}/datasets/me/light}}" in citation("One", "me/light", "datasets/")
    monkeypatch.setattr(constants, "ENDPOINT", endpoint.replace("://", "://me:secret@"))
    assert f"url = {{{endpoint}/me/light}}" in citation("One", "me/light")


def test_who_is_cited():
    ours = citation("One", "secret-sauce/light", "datasets/")
    assert "author = {{The Secret Sauce developers}}" in ours
    assert f"url = {{{constants.ENDPOINT}/datasets/secret-sauce/light}}" in ours
    theirs = citation("50 % of R&D_{x}", "some-body/box")
    assert "author = {{some-body}}" in theirs
    assert r"title = {50 \% of R\&D\_\{x\}}" in theirs
    assert "url" not in citation("One")
    # Braces that do not close would swallow the rest of a bibliography.
    for entry in (ours, theirs):
        bare = re.sub(r"\\[{}]", "", entry)
        assert bare.count("{") == bare.count("}")


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.jinja")))
def test_nothing_is_left_unfilled(template):
    with pytest.raises(ValueError, match=f"The template {template} cannot be filled: '.*' is undefined"):
        render_card(template)


def test_there_is_a_template_per_kind():
    assert {path.name for path in TEMPLATES.glob("*")} == {
        "benchmark_card.md.jinja",
        "dataset_card.md.jinja",
        "metric_card.md.jinja",
        "model_card.md.jinja",
        "space_card.md.jinja",
    }
