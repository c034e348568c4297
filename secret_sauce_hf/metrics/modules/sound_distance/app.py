"""The page of the metric's Space: two sounds in, their distances out."""

from pathlib import Path

import evaluate
import gradio as gr
import numpy as np

SECONDS = 10
"""Longer sounds are cut: the time and memory of `wmfcc` grow with the square of the length."""

metric = evaluate.load(str(Path(__file__).with_name("sound_distance.py")))


def compare(prediction: tuple[int, np.ndarray] | None, reference: tuple[int, np.ndarray] | None) -> dict[str, float]:
    """Distances of two sounds, as (rate in Hz, integers of any size), over the length that both have."""
    if prediction is None or reference is None:
        raise gr.Error("Give two sounds.")
    (rate, first), (other_rate, second) = prediction, reference
    if rate != other_rate:
        raise gr.Error(f"The sounds have rates of {rate} and {other_rate} Hz; resample one of them.")
    length = min(SECONDS * rate, len(first), len(second))
    mono = [sound[:length].reshape(length, -1).mean(axis=1) / -np.iinfo(sound.dtype).min for sound in (first, second)]
    try:
        return metric.compute(predictions=mono[:1], references=mono[1:], sampling_rate=rate)
    except ValueError as error:
        raise gr.Error(str(error)) from error


page = gr.Interface(
    compare,
    [gr.Audio(label="Prediction"), gr.Audio(label="Reference")],
    gr.JSON(label="Distances"),
    title="sound_distance",
    description=metric.description + f" The first {SECONDS} seconds are compared.",
    flagging_mode="never",
)

if __name__ == "__main__":
    page.launch()
