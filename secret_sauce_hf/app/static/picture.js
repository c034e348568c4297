// Spectrograms and the falling distance, on canvases.

import { bytes } from "./api.js";
import { number } from "./texts.js";

// Every 32nd colour of matplotlib's magma.
const MAGMA = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122], [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191]];

function colour(value) {
  const place = (value / 255) * (MAGMA.length - 1);
  const low = Math.min(Math.floor(place), MAGMA.length - 2);
  return MAGMA[low].map((one, i) => one + (MAGMA[low + 1][i] - one) * (place - low));
}

const COLOURS = Array.from({ length: 256 }, (_, value) => colour(value));

/** Draw a spectrogram that the server sent. */
export function drawSpectrogram(canvas, picture) {
  canvas.width = picture ? picture.frames : 1;
  canvas.height = picture ? picture.bands : 1;
  if (!picture) return;
  const values = bytes(picture.values);
  const image = new ImageData(picture.frames, picture.bands);
  for (let band = 0; band < picture.bands; band++) {
    for (let frame = 0; frame < picture.frames; frame++) {
      const at = 4 * ((picture.bands - 1 - band) * picture.frames + frame);
      const [red, green, blue] = COLOURS[values[band * picture.frames + frame]];
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draw how the distance falls: points of [share, dB], on a logarithmic axis. */
export function drawFalling(canvas, points) {
  const { width, height } = canvas;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  pen.clearRect(0, 0, width, height);
  const known = points.filter(([, distance]) => distance > 0);
  if (!known.length) return;
  const logs = known.map(([, distance]) => Math.log10(distance));
  const [low, high] = [Math.floor(Math.min(...logs, 0) * 2) / 2, Math.ceil(Math.max(...logs) * 2) / 2 || 0.5];
  const y = (log) => 12 + ((high - log) / (high - low || 1)) * (height - 24);
  const x = (share) => 52 + share * (width - 62);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = style.getPropertyValue("--soft");
  pen.strokeStyle = style.getPropertyValue("--line");
  for (let log = low; log <= high + 1e-9; log += 0.5) {
    pen.beginPath();
    pen.moveTo(52, y(log));
    pen.lineTo(width - 10, y(log));
    pen.stroke();
    pen.fillText(`${number(10 ** log, log < 0 ? 1 : 0)} dB`, 4, y(log) + 4);
  }
  pen.strokeStyle = style.getPropertyValue("--accent");
  pen.lineWidth = 2.5;
  pen.beginPath();
  known.forEach(([share, distance], i) => {
    const place = [x(share), y(Math.log10(distance))];
    if (i === 0) pen.moveTo(...place);
    else {
      pen.lineTo(place[0], y(logs[i - 1]));
      pen.lineTo(...place);
    }
  });
  pen.stroke();
}
