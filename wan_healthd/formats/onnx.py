"""ONNX: one protobuf message, `ModelProto` (onnx.proto); tensors may lie in other files, which it does not list outside."""

from __future__ import annotations

from wan_healthd.domain.evidence import HeaderFacts
from wan_healthd.formats.protobuf import Message, Wire, judge_message
from wan_healthd.formats.window import Window

FORMAT = "onnx"

_MODEL = Message(
    format=FORMAT,
    fields={
        1: Wire.VARINT,  # ir_version
        2: Wire.LENGTH,  # producer_name
        3: Wire.LENGTH,  # producer_version
        4: Wire.LENGTH,  # domain
        5: Wire.VARINT,  # model_version
        6: Wire.LENGTH,  # doc_string
        7: Wire.LENGTH,  # graph
        8: Wire.LENGTH,  # opset_import
        14: Wire.LENGTH,  # metadata_props
        20: Wire.LENGTH,  # training_info
        25: Wire.LENGTH,  # functions
        26: Wire.LENGTH,  # configuration
    },
    first=1,
    first_values=(1, 100),
)
"""The version of the format stands first; today's is 13."""


def judge(window: Window) -> HeaderFacts:
    """Whether the file looks like a whole ONNX model."""
    return judge_message(_MODEL, window)
