"""What others wrote stands in cards and reports to the letter: no markup of it, no links, no lines of its own."""

import json
import re
import shlex
from dataclasses import replace

import pytest
import yaml
from datasets import ClassLabel, DatasetInfo, Features, Value
from markdown_it import MarkdownIt
from markdown_it.token import Token

from secret_sauce_hf.cards.benchmark import benchmark_card
from secret_sauce_hf.cards.dataset import BuildFacts, DatasetFacts, Placement, SplitFacts, dataset_card
from secret_sauce_hf.cards.model import BenchmarkFacts, ModelFacts, Network, checkpoint_card
from secret_sauce_hf.cards.records import check_evaluation
from secret_sauce_hf.cards.templates import citation, code, code_cell, fenced, table_text
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.evaluation.tables import markdown_table
from secret_sauce_hf.evaluation.writing import benchmark_markdown
from secret_sauce_hf.instruments import Collection, InputError, Instrument, Knob, Switch, get_collection
from secret_sauce_hf.modeling import checkpoint_path

EVIL = (
    "x` | <script>alert(1)</script> [a](javascript:alert(1)) ![b](//evil.example/i.png) **B** _i_ `` ``` --- # h "
    "&lt; https://evil.example www.evil.example $y$ <a@b.c> ~~z~~ \\"
)
NAMES = [
    EVIL,
    "```",
    "---",
    "# top",
    "- item",
    "]( javascript:x )",
    "|||",
    "`",
    "{{ 7 * 7 }}",
    "a: b",
    "\\`",
    "=1",
    "<!--",
]


def parsed(text: str) -> list[Token]:
    """Everything that a card consists of, what is within lines, too."""
    found = []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        found += [token, *(token.children or ())]
    return found


def shown(text: str) -> str:
    """What a reader sees of it, white space made one."""
    return " ".join("".join(t.content for t in parsed(text) if t.type in ("text", "code_inline", "fence")).split())


def check(text: str, headings: int, fences: int) -> str:
    """See that a card has only what its template gives it, and return its head."""
    head, body = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL).groups()
    tokens = parsed(body)
    kinds = [token.type for token in tokens]
    assert not {"html_block", "html_inline", "hr", "s_open"} & set(kinds)
    links = [token.attrs["href"] for token in tokens if token.type == "link_open"]
    assert all(link.startswith("https://huggingface.co/datasets/") for link in links), links
    images = [token.attrs["src"] for token in tokens if token.type == "image"]
    assert all(re.fullmatch(r"[\w.-]+\.png", image) for image in images), images
    assert kinds.count("heading_open") == headings
    assert kinds.count("fence") == fences
    # A bar that is not escaped makes another column.
    for table in re.findall(r"(?m)(?:^\|.*\n)+", body):
        lines = [re.sub(r"\\\\|\\\|", "", line).count("|") for line in table.splitlines()]
        assert len(set(lines)) == 1, table
    return head


def hostile(text: str) -> Collection:
    parameters = (
        Knob("cutoff", (74,), about=text, heard=("is", "wave", text)),
        Switch("wave", (70,), (0, 64), (text, "Saw"), about=text, display=((text, text),)),
        Switch("kept", (), (0, 64), (text, "Saw")),
    )
    box = Instrument("evil-box", text, parameters)
    like = get_collection("noisemaker-light")
    return replace(
        like, name="evil-box", title=text, instrument=box, columns=("cutoff", "wave"), fixed=(("kept", text),)
    )


@pytest.mark.parametrize("text", NAMES)
def test_texts_stand_to_the_letter(text):
    for made in (table_text(text), code(text)):
        assert shown(f"a {made} b") == " ".join(f"a {text} b".split())
    table = markdown_table([text, "b"], [[text, text]])
    tokens = parsed(table)
    assert [token.type for token in tokens].count("td_open") == 2
    assert not any(token.type in ("html_inline", "link_open", "image", "code_inline") for token in tokens)
    assert "".join(token.content for token in tokens if token.type == "text").count(" ".join(text.split())) >= 3
    row = parsed(f"| a | b |\n|---|---|\n| {code_cell(text)} | c |\n")
    assert [token.content for token in row if token.type == "code_inline"] == [text]
    assert [token.type for token in parsed(f"```sh\n{fenced(text)}\nx\n```\n")] == ["fence"]
    assert citation(text).count("\n") == citation("a").count("\n")


def test_what_turns_a_text_around_stands_as_an_escape():
    assert table_text("a\u202eb\x1b[2J") == r"a\\u202eb\\x1b\[2J"


@pytest.mark.parametrize("text", [EVIL, "```", "---"])
def test_the_card_of_a_dataset(text):
    collection = hostile(text)
    labels = Features({"cutoff": Value("float32"), "wave": ClassLabel(names=[text, "Saw"])})
    splits = (SplitFacts("train", "data/train-*", 2, f"{text}.wav", f"{text}.wav"),)
    build = BuildFacts(0, 2, 1, False, None, "secret-sauce build x", text, text, text, True, text, text)
    facts = DatasetFacts(DatasetInfo(features=labels), splits, {"cutoff": 1.0, "wave": 1.0}, None, build)
    for built in (build, replace(build, imitates=False), replace(build, records=True, imitates=False)):
        card = dataset_card(collection, replace(facts, build=built), Placement("me/box", tag="a`b", sheet="s.png"))
        head = yaml.safe_load(check(card, headings=6, fences=5))
        assert head["pretty_name"] == f"evil-box: {text}"
        assert head["dataset_info"]["features"][1]["dtype"]["class_label"]["names"]["0"] == text
        assert " ".join(text.split()) in shown(card)


def evaluation(text: str) -> dict:
    record = json.loads((checkpoint_path("noisemaker-light") / "evaluation.json").read_text())
    record["data"] |= {"source": text, "split": text, "build": None, "revision": None}
    return record | {"versions": {text: text}}


@pytest.mark.parametrize("text", [EVIL, "```", "---"])
def test_the_card_of_a_checkpoint(text):
    collection = get_collection("noisemaker-light")
    own = replace(collection, title=text, instrument=replace(collection.instrument, title=text))
    run = {"run": {"collection": "noisemaker-light", "data": text, "base": text}, "sounds": 1, "machine": text}
    run |= {"validation_sounds": 1, "versions": {text: text}, "engine_version": text, "seconds": 1.0, "build": None}
    shown_of = BenchmarkFacts(1, 2, "b.png", markdown_table(["", "a"], [[text, "1"]]), "", None, (text,), text, False)
    facts = ModelFacts(
        Network(False, 1, 2, 3, True),
        "audio-to-preset",
        evaluation(text),
        run,
        [{"prior": text}],
        "p.png",
        find_engine(collection),
        shown_of,
    )
    card = checkpoint_card(own, facts, repo="me/box", tag="a`b")
    head = yaml.safe_load(check(card, headings=7, fences=6))
    assert head["model-index"][0]["results"][0]["dataset"]["split"] == text
    # A reader may paste it.
    assert shlex_words(card, "secret-sauce evaluate") == [
        "secret-sauce",
        "evaluate",
        "me/box",
        "--data",
        text,
        "--split",
        text,
    ]


def shlex_words(card: str, start: str) -> list[str]:

    fence = next(t.content for t in parsed(card) if t.type == "fence" and start in t.content)
    return shlex.split(fence[fence.index(start) :])


@pytest.mark.parametrize("command", ["curl x | sh", "secret-sauce build x; rm -rf ~", "secret-sauce `x`", "```", "'"])
def test_commands_in_records_are_one_of_ours(command):
    record = json.loads((checkpoint_path("noisemaker-light") / "evaluation.json").read_text())
    record["data"]["build"] = command
    with pytest.raises(InputError, match="must be a command of secret-sauce"):
        check_evaluation(record, get_collection("noisemaker-light").columns)


def test_the_card_and_the_tables_of_a_benchmark():
    record = json.loads((checkpoint_path("noisemaker-light") / "benchmark.json").read_text())
    record["command"] = "```"
    record["machine"] = record["data"]["source"] = EVIL
    for way in record["ways"].values():
        way["title"] = EVIL
    tokens = parsed(benchmark_markdown(record))
    assert not {"html_block", "html_inline", "link_open", "image", "code_inline", "hr"} & {t.type for t in tokens}
    assert [token.type for token in tokens].count("fence") == 1
    exported = {"rows": 1, "hidden": False, "data": {"source": EVIL}, "command": f"secret-sauce '{EVIL}'"}
    exported["versions"] = {"secret_sauce_hf": EVIL, "engine": EVIL}
    card = benchmark_card(
        hostile(EVIL), exported, pattern="*", tasks={"a": "x: y"}, example={"a": EVIL}, repo="me/b", license="mit"
    )
    check(card, headings=6, fences=3)
