#!/usr/bin/env python3
"""Writes avro-cases.jsonl: random schemas and values, and schemas that evolved, as fastavro reads them.

    python3 -m venv venv && venv/bin/pip install fastavro==1.13.1
    venv/bin/python avro.py > avro-cases.jsonl

A line has the writer's schema, the reader's where there is one, the body in Base64, and the JSON that
Tidemark is to make of it. The same bytes come out of every run.
"""
import base64
import datetime
import decimal
import io
import json
import math
import random
import struct
import uuid

import fastavro

UTC = datetime.timezone.utc
TEXTS = ["", "a", "Schuhe", "größe 42", "\"quoted\" \\ back", "line\nbreak\ttab", "\u0001", "🛒 カート", "x" * 70]


def fraction(moment):
    text = f"{moment.microsecond:06}".rstrip("0")
    return "." + text if text else ""


def as_json(value):
    """The JSON text of what fastavro read."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "null"
    if isinstance(value, decimal.Decimal):
        text = format(value, "f")
        return text + ".0" if "." not in text and len(text.lstrip("-")) > 18 else text
    if isinstance(value, bytes):
        return json.dumps(base64.b64encode(value).decode())
    if isinstance(value, datetime.datetime):
        zone = "Z" if value.tzinfo else ""
        return json.dumps(value.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction(value) + zone)
    if isinstance(value, datetime.date):
        return json.dumps(value.isoformat())
    if isinstance(value, datetime.time):
        return json.dumps(value.strftime("%H:%M:%S") + fraction(value))
    if isinstance(value, uuid.UUID):
        return json.dumps(str(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + as_json(v) for k, v in value.items()) + "}"
    return "[" + ",".join(as_json(v) for v in value) + "]"


class Maker:
    """Random schemas, and values of them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0

    def name(self, kind):
        self.names += 1
        return f"{kind}{self.names}"

    def simple(self):
        pick = self.random.choice
        kind = pick(["null", "boolean", "int", "long", "float", "double", "bytes", "string", "string",
                     "decimal", "fixed", "enum", "date", "time", "timestamp", "uuid"])
        if kind == "decimal":
            precision = self.random.randint(1, 30)
            return {"type": "bytes", "logicalType": "decimal", "precision": precision,
                    "scale": self.random.randint(0, precision)}
        if kind == "fixed":
            if self.random.random() < 0.5:
                return {"type": "fixed", "name": self.name("Sum"), "size": 9, "logicalType": "decimal",
                        "precision": 20, "scale": 4}
            return {"type": "fixed", "name": self.name("Hash"), "size": self.random.randint(0, 9)}
        if kind == "enum":
            return {"type": "enum", "name": self.name("Kind"), "symbols": ["CLICK", "BUY", "RETURN"][: self.random.randint(1, 3)]}
        if kind == "date":
            return {"type": "int", "logicalType": "date"}
        if kind == "time":
            return pick([{"type": "int", "logicalType": "time-millis"}, {"type": "long", "logicalType": "time-micros"}])
        if kind == "timestamp":
            return {"type": "long", "logicalType": pick(["", "local-"]) + "timestamp-" + pick(["millis", "micros"])}
        if kind == "uuid":
            return {"type": "string", "logicalType": "uuid"}
        return kind

    def schema(self, depth):
        roll = self.random.random()
        if depth == 0 or roll < 0.5:
            return self.simple()
        if roll < 0.6:
            return {"type": "array", "items": self.schema(depth - 1)}
        if roll < 0.7:
            return {"type": "map", "values": self.schema(depth - 1)}
        if roll < 0.85:
            other = self.schema(depth - 1)
            if isinstance(other, list) or other == "null":
                return other
            return self.random.choice([["null", other], [other, "null"]])
        return self.record(depth - 1)

    def record(self, depth, **more):
        fields = [{"name": f"f{i}", "type": self.schema(depth)} for i in range(self.random.randint(0, 6))]
        return {"type": "record", "name": self.name("Rec"), "fields": fields, **more}

    def value(self, schema):
        pick, number = self.random.choice, self.random.randint
        if isinstance(schema, list):
            return self.value(pick(schema))
        logical = schema.get("logicalType") if isinstance(schema, dict) else None
        kind = schema["type"] if isinstance(schema, dict) else schema
        if logical == "decimal":
            digits = 10 ** schema["precision"] - 1
            return decimal.Decimal(pick([0, digits, -digits, number(-digits, digits)])).scaleb(
                -schema["scale"], decimal.Context(prec=99))
        if logical == "date":
            return datetime.date.fromordinal(number(1, datetime.date.max.toordinal()))
        if logical == "time-millis":
            return datetime.time(number(0, 23), number(0, 59), number(0, 59), number(0, 999) * 1000)
        if logical == "time-micros":
            return datetime.time(number(0, 23), number(0, 59), number(0, 59), pick([0, 500000, number(0, 999999)]))
        if logical and "timestamp" in logical:
            micros = number(0, 999) * 1000 if "millis" in logical else number(0, 999999)
            day = datetime.date.fromordinal(number(400, datetime.date.max.toordinal() - 1))
            zone = None if logical.startswith("local") else UTC
            return datetime.datetime(day.year, day.month, day.day, number(0, 23), number(0, 59), number(0, 59),
                                     pick([0, micros]), zone)
        if logical == "uuid":
            return uuid.UUID(int=self.random.getrandbits(128))
        if kind == "null":
            return None
        if kind == "boolean":
            return pick([True, False])
        if kind == "int":
            return pick([0, 1, -1, 2**31 - 1, -(2**31), number(-1000, 1000)])
        if kind == "long":
            return pick([0, -1, 2**63 - 1, -(2**63), number(-10**6, 10**15)])
        if kind == "float":
            return struct.unpack("f", struct.pack("f", pick([0.0, 19.99, -2.5, 1e-20, 3e38, self.random.random()])))[0]
        if kind == "double":
            return pick([0.0, -0.0, 19.99, 0.1, 1e300, -1e-300, 123456789.25, 1e22, math.inf, math.nan,
                         self.random.uniform(-1e6, 1e6), number(0, 10**7) / 100])
        if kind == "bytes":
            return self.random.randbytes(number(0, 9))
        if kind == "fixed":
            return self.random.randbytes(schema["size"])
        if kind == "string":
            return pick(TEXTS)
        if kind == "enum":
            return pick(schema["symbols"])
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(number(0, 3))]
        if kind == "map":
            return {f"k{i}": self.value(schema["values"]) for i in range(number(0, 3))}
        return {field["name"]: self.value(field["type"]) for field in schema["fields"]}


def case(name, writer, value, reader=None):
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(writer), value)
    body.seek(0)
    read = fastavro.schemaless_reader(body, writer, reader)
    line = {"name": name, "writer": json.dumps(writer)}
    if reader is not None:
        line["reader"] = json.dumps(reader)
    line["body"] = base64.b64encode(body.getvalue()).decode()
    print(json.dumps(line)[:-1] + ', "json": ' + as_json(read) + "}")


def record(*fields, **more):
    return {"type": "record", "name": "Click", "fields": [
        dict(zip(("name", "type", "default", "aliases"), field)) if isinstance(field, tuple) else field
        for field in fields], **more}


def evolved():
    """Pairs of schemas by the rules of resolution, each with a value of the first."""
    item = ("item", "string")
    yield "a field is dropped", record(("a", {"type": "array", "items": "long"}), item), {"a": [1, 2], "item": "i"}, record(item)
    yield "a record is dropped", record(("r", {"type": "record", "name": "R", "fields": [
        {"name": "x", "type": ["null", "double"]}, {"name": "m", "type": {"type": "map", "values": "bytes"}}]}), item), {
            "r": {"x": 1.5, "m": {"a": b"1"}}, "item": "i"}, record(item)
    for kind, value in [("null", None), ("boolean", True), ("int", -5), ("long", 7), ("float", 0.5), ("double", 2.25),
                        ("string", "größe"), ({"type": "array", "items": "string"}, ["a"]),
                        ({"type": "map", "values": "int"}, {"k": 1}), (["null", "string"], None)]:
        yield f"a default of {kind}", record(item), {"item": "i"}, record(item, ("more", kind, value))
    yield "a default of bytes", record(item), {"item": "i"}, record(item)
    for old, new, value in [("int", "long", 5), ("int", "float", 5), ("int", "double", 5), ("long", "float", 6),
                            ("long", "double", 2**40), ("float", "double", 0.5)]:
        yield f"{old} to {new}", record(("v", old)), {"v": value}, record(("v", new))
        yield f"{old} to a union with {new}", record(("v", old)), {"v": value}, record(("v", ["null", new]))
        yield f"a union with {old} to one with {new}", record(("v", ["null", old])), {"v": value}, record(("v", ["null", new]))
    yield "bytes to string", record(("v", "bytes")), {"v": "größe".encode()}, record(("v", "string"))
    yield "string in a union", record(("v", "string")), {"v": "x"}, record(("v", ["null", "int", "string"]))
    yield "a union to its only branch", record(("v", ["null", "string"])), {"v": "x"}, record(("v", "string"))
    yield "a field by its alias", record(("sku", "string")), {"sku": "x"}, record({"name": "item", "type": "string", "aliases": ["sku"]})
    yield "a record by its alias", record(item, name="Old"), {"item": "x"}, record(item, aliases=["Old"])
    enum = lambda symbols, **more: {"type": "enum", "name": "Kind", "symbols": symbols, **more}
    yield "an enum with a default", record(("k", enum(["A", "B", "C"]))), {"k": "C"}, record(("k", enum(["A", "B"], default="A")))
    yield "an enum in another order", record(("k", enum(["A", "B", "C"]))), {"k": "C"}, record(("k", enum(["C", "B", "A"])))
    yield "fields in another order", record(("a", "int"), ("b", "string")), {"a": 1, "b": "x"}, record(("b", "string"), ("a", "int"))
    node = lambda extra: {"type": "record", "name": "Node", "fields": [
        {"name": "v", "type": "int"}, {"name": "next", "type": ["null", "Node"]}] + extra}
    yield "a list of itself", node([]), {"v": 1, "next": {"v": 2, "next": None}}, node(
        [{"name": "more", "type": "string", "default": "d"}])
    yield "items that grow", record(("i", {"type": "array", "items": record(item, name="L")})), {"i": [{"item": "a"}, {"item": "b"}]}, record(
        ("i", {"type": "array", "items": record(item, ("q", "int", 1), name="L")}))


def main():
    for seed in range(260):
        maker = Maker(seed)
        schema = maker.record(3, **({"namespace": "shop.events"} if seed % 3 == 0 else {}))
        for turn in range(1 + seed % 2):
            case(f"random {seed}.{turn}", schema, maker.value(schema))
    for name, writer, value, reader in evolved():
        case(name, writer, value, reader)


if __name__ == "__main__":
    main()
