#!/usr/bin/env python3
"""Writes proto-cases.jsonl and descriptors.json: random messages as Google's Python library writes them.

    python3 -m venv venv && venv/bin/pip install protobuf==7.36.2 grpcio-tools==1.85.1
    venv/bin/python proto.py

A line has the path of the message in shop.proto, the body in Base64, and the JSON that Tidemark is to make
of it. descriptors.json has the files as a registry gives them when asked for their serialized form.
"""
import base64
import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import google.protobuf.any_pb2, google.protobuf.duration_pb2, google.protobuf.struct_pb2  # noqa: E401,F401
import google.protobuf.timestamp_pb2, google.protobuf.wrappers_pb2  # noqa: E401,F401
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = pathlib.Path(__file__).resolve().parent


def compiled():
    with tempfile.TemporaryDirectory() as folder:
        # The option of our own is there for readers of source; protoc would ask for its declaration.
        source = (HERE / "shop.proto").read_text(encoding="utf-8")
        lines = [line for line in source.split("\n") if "(note)" not in line]
        work = pathlib.Path(folder)
        (work / "common").mkdir()
        (work / "shop.proto").write_text("\n".join(lines), encoding="utf-8")
        (work / "common/money.proto").write_text((HERE / "common/money.proto").read_text(encoding="utf-8"), encoding="utf-8")
        out = work / "set"
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"--descriptor_set_out={out}",
                        "shop.proto", "common/money.proto"], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def fill(maker, message, depth):
    """Sets random fields."""
    pick = maker.choice
    for field in message.DESCRIPTOR.fields:
        if maker.random() < 0.4 and not field.is_required:
            continue
        entry = field.message_type
        if entry and entry.GetOptions().map_entry:
            for _ in range(maker.randint(0, 3)):
                key = value(maker, entry.fields_by_name["key"])
                if entry.fields_by_name["value"].message_type:
                    fill(maker, getattr(message, field.name)[key], depth - 1)
                else:
                    getattr(message, field.name)[key] = value(maker, entry.fields_by_name["value"])
        elif entry:
            if depth == 0:
                continue
            targets = [getattr(message, field.name).add() for _ in range(maker.randint(0, 3))] if field.is_repeated else [
                getattr(message, field.name)]
            for target in targets:
                target.SetInParent()
                known(maker, target, depth)
        elif field.is_repeated:
            getattr(message, field.name).extend(value(maker, field) for _ in range(maker.randint(0, 4)))
        else:
            setattr(message, field.name, value(maker, field))


def known(maker, target, depth):
    name = target.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        target.seconds = maker.randint(-10**10, 2 * 10**11)
        target.nanos = maker.choice([0, 5 * 10**8, maker.randint(0, 999999999)])
    elif name == "google.protobuf.Duration":
        sign = maker.choice([1, -1])
        target.seconds, target.nanos = sign * maker.randint(0, 10**6), sign * maker.choice([0, 1, 25 * 10**7])
    elif name in ("google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Value"):
        json_format.ParseDict({"Struct": {"a": [1, None, True, {"b": "c"}], "e": {}}, "ListValue": [1.5, "x", []],
                               "Value": maker.choice([None, 2, "t", False, [1], {"k": "v"}])}[name.split(".")[-1]], target)
    else:
        fill(maker, target, depth - 1)


def value(maker, field):
    kind, pick = field.cpp_type, maker.choice
    if kind == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return maker.randbytes(maker.randint(0, 5))
        return pick(["", "a", "größe", "\"q\"\n", f"k{maker.randint(0, 9)}"])
    if kind == field.CPPTYPE_BOOL:
        return pick([True, False])
    if kind == field.CPPTYPE_ENUM:
        return pick(field.enum_type.values).number
    if kind == field.CPPTYPE_DOUBLE:
        return pick([0.0, 19.99, -1e300, math.inf, -math.inf, math.nan, maker.uniform(-10, 10)])
    if kind == field.CPPTYPE_FLOAT:
        return struct.unpack("f", struct.pack("f", pick([0.25, 19.99, 3e38, math.nan])))[0]
    bits = 64 if kind in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) else 32
    if kind in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64):
        return pick([0, 1, 2**bits - 1, maker.randint(0, 1000)])
    return pick([0, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), maker.randint(-1000, 1000)])


def as_json(message):
    """The JSON text of a message: as ProtoJSON, with the file's names, and 64-bit numbers as numbers."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        text = json_format.MessageToDict(message)
        if "." in text:
            text = text[:-1].rstrip("0") + "Z"
        return json.dumps(text)
    if name == "google.protobuf.Duration":
        text = json_format.MessageToDict(message)
        return json.dumps(text[:-1].rstrip("0") + "s" if "." in text else text)
    if name in ("google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Value"):
        return json.dumps(json_format.MessageToDict(message))
    if name.startswith("google.protobuf.") and name.endswith("Value"):
        return one(message.DESCRIPTOR.fields_by_name["value"], message.value)
    parts = []
    for field in message.DESCRIPTOR.fields:
        content = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            if not content:
                continue
            inner = field.message_type.fields_by_name["value"]
            entries = []
            for key in content:
                text = str(key).lower() if isinstance(key, bool) else str(key)
                entries.append(json.dumps(text, ensure_ascii=False) + ":" + one(inner, content[key]))
            parts.append((field.name, "{" + ",".join(entries) + "}"))
        elif field.is_repeated:
            if content:
                parts.append((field.name, "[" + ",".join(one(field, item) for item in content) + "]"))
        elif message.HasField(field.name) if field.has_presence else content != field.default_value or (
                isinstance(content, float) and math.copysign(1, content) < 0):
            parts.append((field.name, one(field, content)))
    return "{" + ",".join(json.dumps(name) + ":" + text for name, text in parts) + "}"


def one(field, content):
    if field.message_type:
        return as_json(content)
    if field.enum_type:
        found = field.enum_type.values_by_number.get(content)
        first = next((v.name for v in field.enum_type.values if v.number == content), None)
        return json.dumps(first) if found else str(content)
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, float):
        if math.isfinite(content):
            return repr(content)
        return '"NaN"' if math.isnan(content) else '"Infinity"' if content > 0 else '"-Infinity"'
    if isinstance(content, int):
        return str(content)
    if isinstance(content, bytes):
        return json.dumps(base64.b64encode(content).decode())
    return json.dumps(content, ensure_ascii=False)


def main():
    files = compiled()
    pool = descriptor_pool.Default()
    texts = {}
    for file in sorted(files.file, key=lambda file: file.name):
        pool.Add(file)
        texts[file.name] = base64.b64encode(file.SerializeToString()).decode()
    (HERE / "descriptors.json").write_text(json.dumps(texts, indent=1) + "\n", encoding="utf-8")
    paths = {"shop.v1.Click": [0], "shop.v1.Numbers": [1], "shop.v1.Click.Line": [0, 2]}
    nested = [m.name for m in pool.FindMessageTypeByName("shop.v1.Click").nested_types]
    paths["shop.v1.Click.Line"] = [0, nested.index("Line")]
    with open(HERE / "proto-cases.jsonl", "w", encoding="utf-8") as out:
        for seed in range(240):
            maker = random.Random(seed)
            name = list(paths)[seed % 3]
            message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
            fill(maker, message, 3)
            body = message.SerializeToString(deterministic=True)
            line = {"name": f"{name} {seed}", "path": paths[name], "body": base64.b64encode(body).decode()}
            out.write(json.dumps(line)[:-1] + ', "json": ' + as_json(message) + "}\n")


if __name__ == "__main__":
    main()
