"""What each layout misses when a file is taken away."""

from __future__ import annotations

import json

import pytest

from tests.unit.layouts.scenes import missed
from wan_healthd.layouts import diffusers, wan_native
from wan_healthd.layouts.needs import Need, absent, below

TOKENIZER = [b"tokenizer.json", b"tokenizer_config.json", b"special_tokens_map.json", b"spiece.model"]
TEXT = [wan_native.T5, *(b"google/umt5-xxl/" + name for name in TOKENIZER)]
WEIGHTS = b"diffusion_pytorch_model"


def shards(folder: bytes, count: int) -> dict[bytes, bytes]:
    """A transformer with its index."""
    names = [WEIGHTS + b"-%05d-of-%05d.safetensors" % (number, count) for number in range(1, count + 1)]
    index = {"weight_map": {f"t{number}": name.decode() for number, name in enumerate(names)}}
    return {
        folder + b"config.json": b"{}",
        folder + WEIGHTS + b".safetensors.index.json": json.dumps(index).encode(),
        **{folder + name: b"" for name in names},
    }


A14B = {
    **shards(b"high_noise_model/", 6),
    **shards(b"low_noise_model/", 6),
    **dict.fromkeys([wan_native.VAE_21, *TEXT], b""),
}
TI2V = {**shards(b"", 3), **dict.fromkeys([wan_native.VAE_22, *TEXT], b"")}
S2V = {
    **shards(b"", 4),
    **dict.fromkeys([wan_native.VAE_21, *TEXT], b""),
    **{b"wav2vec2-large-xlsr-53-english/" + need.any_of[0]: b"" for need in wan_native.S2V_14B if need.folder[:3] == b"wav"},
}
ANIMATE = {
    **shards(b"", 4),
    **dict.fromkeys([wan_native.VAE_21, *TEXT, b"models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"], b""),
    b"xlm-roberta-large/tokenizer.json": b"",
}
PIPELINE = {
    "_class_name": "WanPipeline",
    "image_encoder": [None, None],
    "image_processor": ["transformers", "CLIPImageProcessor"],
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}
DIFFUSERS = {
    b"model_index.json": json.dumps(PIPELINE).encode(),
    b"image_processor/preprocessor_config.json": b"{}",
    b"scheduler/scheduler_config.json": b"{}",
    b"text_encoder/config.json": b"{}",
    b"text_encoder/model.safetensors": b"",
    b"tokenizer/tokenizer_config.json": b"{}",
    b"tokenizer/tokenizer.json": b"{}",
    b"vae/config.json": b"{}",
    b"vae/diffusion_pytorch_model.safetensors": b"",
    **shards(b"transformer/", 5),
}
MODELS = {"a14b": A14B, "ti2v": TI2V, "s2v": S2V, "animate": ANIMATE, "diffusers": DIFFUSERS}
RECOGNISED_BY = {b"model_index.json"}
"""Without it the folder is no longer known for what it is."""

CASES = [(name, path) for name, tree in MODELS.items() for path in tree if path not in RECOGNISED_BY]


@pytest.mark.parametrize("name", MODELS)
def test_a_whole_model_misses_nothing(name: str) -> None:
    assert missed({b"wan/" + path: content for path, content in MODELS[name].items()}) == {}


@pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{name}-{path.decode()}" for name, path in CASES])
def test_whatever_is_taken_away_is_missed(name: str, path: bytes) -> None:
    tree = {b"wan/" + other: content for other, content in MODELS[name].items() if other != path}
    assert missed(tree) == {b"wan/" + path: "wan"}


@pytest.mark.parametrize("expert", wan_native.EXPERTS)
def test_a_whole_expert_is_missed_file_by_file(expert: bytes) -> None:
    assert set(missed({path: b"" for path in A14B if not path.startswith(expert)})) == {
        path for path in A14B if path.startswith(expert)
    }


def test_merged_shards_need_no_index() -> None:
    merged = {path: content for path, content in TI2V.items() if not path.startswith(WEIGHTS)}
    assert missed({**merged, WEIGHTS + b".safetensors": b""}) == {}


def test_an_index_knows_better_than_a_table_how_many_shards_there_are() -> None:
    others = {path: content for path, content in TI2V.items() if not path.startswith(WEIGHTS)}
    assert missed({**others, **shards(b"", 2)}) == {}


def test_shards_count_themselves() -> None:
    assert missed({b"m/w-00002-of-00003.gguf": b""}) == dict.fromkeys(
        (b"m/w-00001-of-00003.gguf", b"m/w-00003-of-00003.gguf"), "m"
    )


def test_shards_that_a_loader_finds_by_an_index_need_one() -> None:
    assert missed({b"m/model-00001-of-00001.safetensors": b""}) == {b"m/model.safetensors.index.json": "m"}
    assert missed({b"m/model-00001-of-00001.safetensors": b"", b"m/model.safetensors.index.fp16.json": b"{}"}) == {}


def test_the_index_of_a_format_that_was_not_fetched_is_no_need() -> None:
    index = b'{"weight_map": {"t": "pytorch_model-00001-of-00001.bin"}}'
    tree = {b"m/pytorch_model.bin.index.json": index, b"m/model.safetensors": b"", b"m/config.json": b"{}"}
    assert missed(tree) == {}


@pytest.mark.parametrize(
    "index",
    [b"", b"[]", b"\xff", b'{"weight_map": {}}', b'{"weight_map": {"t": "../x.safetensors"}}', b"[" * 99_999],
)
def test_an_index_that_cannot_be_read_is_judged_elsewhere(index: bytes) -> None:
    assert missed({b"m/model.safetensors": b"", b"m/model.safetensors.index.json": index}) == {}


def test_hostile_counts_are_bounded() -> None:
    tree = {b"m/a%d-00001-of-01999.safetensors" % number: b"" for number in range(50)}
    assert len(missed(tree)) <= 2000
    assert missed({b"m/a-00001-of-99999.safetensors": b""}) == {}


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"../x": ["diffusers", "A"]}', b'{"a": ["x"]}', b'{"a": [1, 2]}', b"[" * 99_999]
)
def test_a_pipeline_that_cannot_be_read_needs_nothing(text: bytes) -> None:
    assert diffusers.needs_of(text) == ()


def test_what_is_needed_below_a_folder_that_is_not_there_is_absent() -> None:
    needs = (Need(b"a/b", (b"x", b"*.y")), Need(b"", (b"z",)))
    assert list(absent(needs, frozenset({b"c"}))) == [b"a/b/x", b"z"]
    assert list(absent(needs, frozenset({b"a", b"z"}))) == []
    assert below(below(needs, b"a"), b"b") == (Need(b"", (b"x", b"*.y")),)
    assert list(absent(below(below(needs, b"a"), b"b"), frozenset({b"1.y"}))) == []
    assert below(needs, b"") == ()


EXPERT = b"models/diffusion_models/wan2.2_%s_%s_noise_14B_fp8_scaled.safetensors"


@pytest.mark.parametrize("task", [b"t2v", b"i2v"])
@pytest.mark.parametrize(("there", "other"), [(b"high", b"low"), (b"low", b"high")])
def test_an_official_expert_needs_the_other_one(task: bytes, there: bytes, other: bytes) -> None:
    present, lacking = EXPERT % (task, there), EXPERT % (task, other)
    assert missed({present: b""}) == {lacking: present.decode()}
    assert missed({present: b"", lacking: b""}) == {}


@pytest.mark.parametrize(
    "name",
    [
        b"models/diffusion_models/my_high_noise_model.safetensors",
        b"models/loras/wan2.2_t2v_my_lora_v1.1_high_noise.safetensors",
        b"models/loras/Wan2.2-Lightning_T2V-4steps-HIGH.safetensors",
        b"elsewhere/many/wan2.2_t2v_high_noise_14B_Q4_K_M.gguf",
    ],
)
def test_nobody_elses_halves_are_missed(name: bytes) -> None:
    assert missed({name: b""}) == {}
