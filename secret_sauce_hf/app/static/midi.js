// Sending a preset to the synthesizer on the desk, by Web MIDI.

const GAP = 2; // Milliseconds between messages: a line of 31,250 baud carries one of three bytes in one.

let access = null;

/** The names of the MIDI outputs. */
export async function outputs(exclusive) {
  if (!navigator.requestMIDIAccess) throw new Error("midi_missing");
  try {
    access = await navigator.requestMIDIAccess({ sysex: exclusive });
  } catch {
    throw new Error("midi_denied");
  }
  return [...access.outputs.values()].map((one) => [one.id, one.name]);
}

/** Send messages to an output, on a channel from 1 to 16. */
export function send(id, messages, channel) {
  const output = access.outputs.get(id);
  let at = performance.now();
  for (const message of messages) {
    const own = message[0] < 0xf0 ? [(message[0] & 0xf0) | (channel - 1), ...message.slice(1)] : message;
    output.send(own, at);
    at += GAP + message.length * 0.32;
  }
  return output.name;
}
