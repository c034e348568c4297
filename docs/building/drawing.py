"""Diagrams of the pages as SVG: a chain of boxes, which is what docs/architecture.md has.

The usual way would fetch three megabytes of a script from elsewhere.
"""

import html
import re

WIDTH, LINE, PADDING, GAP = 720, 18, 10, 22
_EDGE = re.compile(r"^\s*(\w+)(?:\[(.*?)\])?\s*-->\s*(\w+)(?:\[(.*?)\])?\s*$")
_MOST = 95
"""Characters of a line."""


def drawn(source: str) -> str:
    """A flowchart in Mermaid's language as SVG.

    Args:
        source: `flowchart BT`, and a line per arrow, each from where the one before led to.

    Raises:
        ValueError: it is another kind of diagram.
    """
    head, *lines = [line for line in source.splitlines() if line.strip()]
    edges = [_EDGE.match(line) for line in lines]
    if head.split() != ["flowchart", "BT"] or not edges or not all(edges):
        raise ValueError(f"Only chains of boxes are drawn, `flowchart BT`, not: {head}")
    names: list[str] = []
    texts: dict[str, str] = {}
    for edge in edges:
        assert edge is not None
        start, start_text, end, end_text = edge.groups()
        if names and names[-1] != start:
            raise ValueError(f"Not a chain: {start} does not follow {names[-1]}.")
        names += [end] if names else [start, end]
        for name, text in ((start, start_text), (end, end_text)):
            if text:
                texts[name] = text.strip('"')
    boxes, top = [], 0
    # The first is at the bottom.
    for number, name in enumerate(reversed(names)):
        rows = _rows(texts.get(name, name))
        height = LINE * len(rows) + 2 * PADDING
        if number:
            middle = WIDTH // 2
            boxes.append(f'<path d="M{middle} {top + GAP}V{top + 4}m-5 7l5 -7l5 7" fill="none" stroke="currentColor"/>')
            top += GAP
        boxes.append(
            f'<rect x="1" y="{top + 1}" width="{WIDTH - 2}" height="{height - 2}" rx="4" fill="none" '
            'stroke="currentColor"/>'
        )
        for place, (text, bold) in enumerate(rows):
            weight = ' font-weight="bold"' if bold else ""
            baseline = top + PADDING + LINE * place + 13
            boxes.append(
                f'<text x="{WIDTH // 2}" y="{baseline}" text-anchor="middle" font-size="12" fill="currentColor"'
                f"{weight}>{html.escape(text)}</text>"
            )
        top += height
    label = html.escape(" → ".join(names))
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {top}">{"".join(boxes)}</svg>\n'


def _rows(text: str) -> list[tuple[str, bool]]:
    """The lines of a box, none too long, and whether each is bold."""
    rows: list[tuple[str, bool]] = []
    for part in text.split("<br>"):
        bold = part.startswith("<b>")
        line = ""
        for word in re.sub(r"</?b>", "", part).split():
            if line and len(line) + len(word) >= _MOST:
                rows.append((line, bold))
                line = ""
            line = f"{line} {word}".strip()
        rows.append((line, bold))
    return rows
