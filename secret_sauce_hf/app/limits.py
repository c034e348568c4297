"""What one visitor may ask of the page, and what all of them together may."""

MAX_UPLOAD_BYTES = 20 * 2**20
"""Of one sound: two minutes of stereo at 44.1 kHz and 16 bits; of a longer one a part is cut out before."""
MAX_SOUND_SECONDS = 60.0
"""How much of a sound is read and shown; what is matched at once are four seconds of it."""
MAX_KEPT_BYTES = 512 * 2**20
"""Of all visitors' sounds and answers together; beyond it the longest unused are forgotten."""
MAX_SESSIONS = 1_000
"""How many visitors are known at once; beyond it the longest unused are forgotten."""
SOUNDS_EACH = 8
"""How many sounds of a visitor are kept, the latest."""
ANSWERS_EACH = 8
"""How many answers, likewise."""
SESSION_SECONDS = 3_600.0
"""How long after the last request what a visitor sent is kept."""
MAX_WAITING = 64
"""How many searches may wait; another is told to come back."""
UNWATCHED_SECONDS = 30.0
"""A search that nobody has asked about for so long is ended, or not begun."""
MAX_SEARCH_SECONDS = 60.0
"""Of one search."""
MAX_CANDIDATES = 10
"""How many presets are told of one sound."""
MAX_RENDERING = 32
"""How many renderings may wait; another is told to come back."""
MAX_RENDERED_SECONDS = 6.0
"""How long a rendering for the keyboard or a turned knob may be."""
MAX_BODY_BYTES = 256 * 2**10
"""Of a request that is no sound: a DX7's preset and a performance have a tenth of it."""
MAX_NOTES = 64
"""How many notes may be told or asked for at once."""
