#!/usr/bin/env python3
"""Writes published.jsonl: recommendations as fastavro and Google's Protobuf write them by schemas/.

    python3 -m venv venv && venv/bin/pip install fastavro==1.13.1 jsonschema==4.26.0 \\
        'confluent-kafka[avro,protobuf,json]==2.16.1' grpcio-tools==1.85.1
    venv/bin/python published.py > published.jsonl
    venv/bin/python published.py --read MESSAGES.jsonl

A line has a document, which recommendation.schema.json accepts, and its bodies in Base64. Tidemark is to write
the same bytes. With --read, messages that a daemon sent are read by Confluent's own deserializers: a line has the
format, the payload in Base64, the id that it is framed by, and the document that must come out.
"""
import base64
import datetime
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import fastavro
import jsonschema
import referencing
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "schemas"
AVRO_TEXT = (SCHEMAS / "recommendation.avsc").read_text(encoding="utf-8")
AVRO = fastavro.parse_schema(json.loads(AVRO_TEXT))


def validator():
    resources = [(path.name, referencing.Resource.from_contents(json.loads(path.read_text(encoding="utf-8"))))
                 for path in SCHEMAS.glob("*.json")]
    registry = referencing.Registry().with_resources(resources)
    schema = json.loads((SCHEMAS / "recommendation.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema, registry=registry)


def message_class():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "set"
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{SCHEMAS}", f"--descriptor_set_out={out}",
                        "recommendation.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.Default()
    import google.protobuf.timestamp_pb2  # noqa: F401: registers what the file imports
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tidemark.Recommendation"))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def avro_body(document):
    record = dict(document, issued_at=moment(document["issued_at"]), expires_at=moment(document["expires_at"]))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, AVRO, record)
    return out.getvalue()


def proto_body(message, document):
    return json_format.ParseDict(document, message()).SerializeToString(deterministic=True)


def document(maker):
    cents = maker.randint(1, 500_000)
    off = maker.choice([0, 0, maker.randint(0, cents // 2)])
    start = datetime.datetime(2026, 11, 30, tzinfo=datetime.timezone.utc) \
        + datetime.timedelta(milliseconds=maker.choice([0, 500, maker.randint(-10**11, 10**11)]))

    def time(at):
        text = at.strftime("%Y-%m-%dT%H:%M:%S")
        return text + (f".{at.microsecond // 1000:03}" if at.microsecond else "") + "Z"

    made = {
        "recommendation_id": f"{maker.randint(0, 3)}-{maker.getrandbits(128):032x}",
        "user_id": maker.choice(["u7", "größe", "ada|lovelace", "x" * 200]),
        "item_id": maker.choice(["sku-1", "it's", "カート", "a\\b"]),
        "discount": off / cents, "list_price": cents / 100, "price": (cents - off) / 100,
        "expected_conversion": maker.random(), "baseline_conversion": maker.choice([0, 1, 1e-9, maker.random()]),
        "expected_quantity": 1 + maker.random(), "propensity": maker.choice([1, 0.05, maker.random() + 1e-3]) % 1.0001,
        "policy": maker.choice(["cost-bounded", "merchant"]), "explored": maker.random() < 0.5,
        "holdout": maker.random() < 0.1, "snapshot": f"{maker.getrandbits(64):016x}",
        "issued_at": time(start), "expires_at": time(start + datetime.timedelta(days=1)),
        "rules": maker.sample(["margin_floor", "offer_held", "holdout"], maker.randint(0, 3)),
        "reasons": [{"name": maker.choice(["display × depth", "text"]), "logit": maker.gauss(0, 2)}
                    for _ in range(maker.randint(0, 5))],
    }
    if off % 3 == 0:
        made["prior_price"] = (cents - off // 2) / 100
    if maker.random() < 0.7:
        made["expected_margin"] = maker.gauss(0, 5)
        made["incremental_margin"] = maker.choice([0, maker.gauss(0, 1)])
    if maker.random() < 0.5:
        path = "$.line_items[?@.item.id == '" + made["item_id"].replace("\\", "\\\\").replace("'", "\\'") + "']"
        entry = {"title": "Personal offer", "amount": off, "automatic": True, "method": "each",
                 "allocations": [{"path": path, "amount": off}]}
        if maker.random() < 0.5:
            entry.update(code=made["recommendation_id"], automatic=False)
        made["discounts"] = [entry] if off else []
    if maker.random() < 0.5:
        made["personalised"] = not made["holdout"]
        if made["personalised"]:
            made["disclosure"] = "eu-2019-2161"
    return made


def write():
    maker = random.Random(11)
    message = message_class()
    check = validator()
    for _ in range(80):
        made = document(maker)
        check.validate(made)
        print(json.dumps({"json": made, "avro": base64.b64encode(avro_body(made)).decode(),
                          "protobuf": base64.b64encode(proto_body(message, made)).decode()}, ensure_ascii=False))


def plain(value):
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        return text + (f".{value.microsecond // 1000:03}" if value.microsecond else "") + "Z"
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def read(path):
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext
    message = message_class()
    client = SchemaRegistryClient.new_client({"url": "mock://published"})
    # That of Protobuf has the message's class and asks for no schema.
    ids = {"avro": client.register_schema("avro-value", Schema(AVRO_TEXT, "AVRO")), "protobuf": 1}
    readers = {"avro": AvroDeserializer(client), "protobuf": ProtobufDeserializer(message, {"use.deprecated.format": False})}
    check = validator()
    count = 0
    for line in open(path, encoding="utf-8"):
        entry = json.loads(line)
        payload = base64.b64decode(entry["payload"])
        assert payload[:5] == b"\0" + entry["id"].to_bytes(4, "big"), "the frame is another one"
        # The ids of the mock registry are its own.
        payload = b"\0" + ids[entry["format"]].to_bytes(4, "big") + payload[5:]
        found = readers[entry["format"]](payload, SerializationContext(entry["format"], MessageField.VALUE))
        if entry["format"] == "protobuf":
            found = json_format.MessageToDict(found, preserving_proto_field_name=True)
            for discount in found.get("discounts", []):
                discount["amount"] = int(discount["amount"])
                for part in discount["allocations"]:
                    part["amount"] = int(part["amount"])
        found, wanted = plain(found), entry["document"]
        check.validate(wanted)
        # A list without elements is not on Protobuf's wire.
        for name in ("rules", "reasons", "discounts"):
            if entry["format"] == "protobuf" and wanted.get(name) == []:
                wanted.pop(name)
        for name in ("issued_at", "expires_at"):
            assert moment(found.pop(name)) == moment(wanted.pop(name)), name
        assert found == wanted, f"{found} and not {wanted}"
        count += 1
    print(f"{count} messages read")


if __name__ == "__main__":
    read(sys.argv[2]) if sys.argv[1:2] == ["--read"] else write()
