"""SentencePiece models (spiece.model, tokenizer.model): one protobuf message, `ModelProto` (sentencepiece_model.proto)."""

from __future__ import annotations

from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.formats.protobuf import Message, Wire, judge_message
from wan_healthd.formats.window import Window

FORMAT = "sentencepiece"

_MODEL = Message(
    format=FORMAT,
    fields={
        1: Wire.LENGTH,  # pieces
        2: Wire.LENGTH,  # trainer_spec
        3: Wire.LENGTH,  # normalizer_spec
        4: Wire.LENGTH,  # self_test_data
        5: Wire.LENGTH,  # denormalizer_spec
    },
    first=1,
    first_values=(2, 4096),
)
"""The pieces stand first, each a short text with its score."""


def judge(window: Window) -> HeaderFacts:
    """Whether the file looks like a whole vocabulary."""
    return judge_message(_MODEL, window)
