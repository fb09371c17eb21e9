"""Small sound files, and near misses, from which the fuzzer starts: it finds out by itself what else matters."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping

from tests.fakes import gguf_files, safetensors_files, torch_files
from wan_healthd.formats.lfs_pointer import FIRST_LINE

_DIGEST = b"1f" * 32
_SHA1 = b"0a" * 20
_METADATA = _SHA1 + b"\n" + _DIGEST + b"\n1700000000.5\n"
_LINE = _DIGEST + b"  a/x.bin\n"
_POINTER = FIRST_LINE + b"\noid sha256:" + _DIGEST + b"\nsize 9999658848\n"

_TABLE = {
    "__metadata__": {"format": "pt"},
    "a.lora_A.weight": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
    "b": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [12, 16]},
    "c\n": {"data_offsets": [16, 16], "shape": [0], "dtype": "I64", "more": [1.5e3, {"x": [None, True, "\u2028"]}, -0]},
}
_HEADERS = (
    json.dumps(_TABLE).encode(),
    b'{"a":["F32",[1],[0,4]],"b":{"dtype":{"F4":null},"shape":[2],"data_offsets":[4,5]}}',
    b'{"\\ud83d\\ude00":{"dtype":"U8","shape":[],"data_offsets":[0,1],"deep":[[[[{"a":1e400}]]]]}}',
)
_GGUF = gguf_files.make(
    [
        gguf_files.text_entry(b"general.architecture", b"wan"),
        gguf_files.alignment_entry(64),
        gguf_files.entry(b"words", gguf_files.ARRAY, gguf_files.array(gguf_files.STRING, [gguf_files.string(b"a")] * 3)),
        gguf_files.entry(b"numbers", gguf_files.ARRAY, gguf_files.array(gguf_files.F32, [b"\0\0\0\0"] * 3)),
        gguf_files.entry(b"truth", gguf_files.BOOL, b"\1"),
    ],
    [
        gguf_files.Tensor(b"patch_embedding.weight", (2, 2, 1, 2, 2), gguf_files.F16_TENSOR),
        gguf_files.Tensor(b"b", (32, 2), gguf_files.Q8_0_TENSOR),
    ],
    alignment=64,
)
_RECORDS = {"a/data.pkl": b"\x80\x02}q\x00.", "a/data/0": b"xy" * 20, **torch_files.VERSION}
_TORCH_ZIP = (
    torch_files.torch_archive(_RECORDS),
    torch_files.torch_archive(_RECORDS, wide=True),
    torch_files.torch_archive(_RECORDS, with_crc=False),
    torch_files.streamed_archive(_RECORDS),
    torch_files.mixed_archive({**_RECORDS, "a/code/x.py": b"pass\n" * 20, "a/constants.pkl": b"."}),
    torch_files.archive(_RECORDS, method=zipfile.ZIP_DEFLATED, comment=b"a comment", wide=True),
)
_TORCH_LEGACY = (
    torch_files.legacy({"1": ("FloatStorage", b"\0" * 8), "2": ("HalfStorage", b"\1" * 4)}),
    torch_files.legacy({"1": ("ByteStorage", b"abc")}, protocol=3),
    torch_files.legacy({}),
)
_JSON = (
    b'{"_class_name":"WanTransformer3DModel","eps":1e-06,"patch_size":[1,2,2],"x":{"y":null,"z":[true,"\\u00e9"]}}',
    b'[{"id":0,"content":"<pad>","special":true},Infinity,-0.5]',
    b'{"error":"Repository not found","status":404}',
    '{"ключ": "значение 😀"}'.encode(),
)
_INDEX = (
    b'{"metadata":{"total_size":28},"weight_map":{"a":"m-00001-of-00002.safetensors","b":"m-00002-of-00002.safetensors"}}',
    b'{"weight_map":{"a":"x"},"metadata":{"total_size":2.8e1}}',
)
_ONNX = bytes.fromhex("0807 1207 7079746f726368 3a04 0a020801 4202 1011 72040a0201ff")
_PIECES = bytes.fromhex("0a0e 0a053c756e6b3e 1500000000 1802 0a0a 0a03e28196 1500004040 1204 0a0240ff 1a02 0a00")
_PAGES = (
    _POINTER,
    _POINTER.replace(b"\noid", b"\next-0-foo sha256:" + b"1" * 64 + b"\noid"),
    b"<!-- a -->\n<!DOCTYPE html>\n<html><body>404</body></html>",
    b'\xef\xbb\xbf<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
    b'{"message":"Not found","status":404}',
    b"404: Not Found",
    b"(dp0\nS'a'\np1\nI1\ns.",
)
_TREE = json.dumps(
    {
        "format_version": 1,
        "files": {
            "a/x.bin": {
                "size": 5,
                "blob_id": _SHA1.decode(),
                "lfs_sha256": _DIGEST.decode(),
                "lfs_size": 5,
                "xet_hash": _DIGEST.decode(),
            },
            "y.json": {"size": 7, "blob_id": _SHA1.decode()},
        },
    }
).encode()
_SUMS = (
    b"# a list\n" + _LINE + _DIGEST + b" *x.bin\r\n" + b"SHA256 (./y) = " + _DIGEST + b"\n",
    b"\\" + _DIGEST + b"  a\\nb\\\\c\n",
    _DIGEST + b"\n",
    b"SHA2-256(x.bin)= " + _DIGEST.upper(),
)

SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "safetensors": tuple(safetensors_files.pack(header, b"0123456789abcdef") for header in _HEADERS),
    "safetensors-header": _HEADERS,
    "gguf": (_GGUF, _GGUF[:-70], gguf_files.make(), gguf_files.header(version=2, tensors=[gguf_files.Tensor(b"t", ())])),
    "onnx": (_ONNX, _ONNX[:-2]),
    "sentencepiece": (_PIECES, _PIECES[:-1]),
    "json": _JSON,
    "shard-index": _INDEX,
    "vocabulary": ("a\né\n😀\n".encode(), b"#version: 0.2\nt h\nth e\n"),
    "torch": (*_TORCH_ZIP[:1], *_TORCH_LEGACY[:1], b"\x80\x02}q\0." + b"\0" * 20, bytes(300), b"x" * 257 + b"ustar"),
    "torch-zip": _TORCH_ZIP,
    "torch-legacy": _TORCH_LEGACY,
    "impostors": _PAGES,
    "manifest": (*_SUMS, b'{"a/x.bin":{"sha256":"' + _DIGEST + b'","size":5},"y":{}}'),
    "hf-tree": (_TREE,),
    "download-metadata": (_METADATA, _SHA1 + b'\nW/"' + _SHA1 + b'"\n1700000000\n', b"main\n\n1\n"),
    "sidecar": _SUMS,
    "sums": _SUMS,
}
"""By the name of the target."""
