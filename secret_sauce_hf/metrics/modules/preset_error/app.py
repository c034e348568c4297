"""The page of the metric's Space: two presets in, their errors out."""

import json
from pathlib import Path

import evaluate
import gradio as gr

EXAMPLE = [
    '{"filter_cutoff": 4.5, "osc2_wave": "Pulse"}',
    '{"filter_cutoff": 5.0, "osc2_wave": "Saw"}',
    '{"osc2_wave": false}',
]

metric = evaluate.load(str(Path(__file__).with_name("preset_error.py")))


def compare(prediction: str, reference: str, heard: str) -> str:
    """Errors of one preset, everything as JSON."""
    try:
        rows = [json.loads(text or "{}") for text in (prediction, reference, heard)]
        result = metric.compute(predictions=rows[:1], references=rows[1:2], heard=rows[2:])
    except ValueError as error:
        raise gr.Error(str(error)) from error
    return json.dumps(result, indent=2)


page = gr.Interface(
    compare,
    [gr.Textbox(text, label=label) for text, label in zip(EXAMPLE, ("Prediction", "Reference", "Heard"), strict=True)],
    gr.Code(language="json", label="Errors"),
    title="preset_error",
    description=metric.description,
    flagging_mode="never",
)

if __name__ == "__main__":
    page.launch()
