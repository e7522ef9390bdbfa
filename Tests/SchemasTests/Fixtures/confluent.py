#!/usr/bin/env python3
"""Writes frames.jsonl: records as Confluent's own serializers frame them, by payload and by header.

    python3 -m venv venv && venv/bin/pip install 'confluent-kafka[avro,protobuf,json]==2.16.1' grpcio-tools==1.85.1
    venv/bin/python confluent.py > frames.jsonl

A line has the format, the schema as it was registered with those it refers to, the payload and the header in
Base64, and the JSON that Tidemark is to make of them. The registry is the one that the library brings for tests.
"""
import base64
import json
import random
import uuid

import proto
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pool, message_factory

AVRO = {"type": "record", "name": "Click", "namespace": "shop", "fields": [
    {"name": "event_id", "type": "string"}, {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "user_id", "type": "string"}, {"name": "item_id", "type": ["null", "string"], "default": None},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}]}
JSON_SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Click", "type": "object",
               "properties": {"event_id": {"type": "string"}}}


def emit(client, name, serializer, content, expected):
    context = SerializationContext("clicks", MessageField.VALUE, headers=[])
    payload = serializer(content, context)
    registered = client.get_latest_version("clicks-value")
    imports = []
    for reference in registered.schema.references or []:
        other = client.get_version(reference.subject, reference.version)
        imports.append({"name": reference.name, "text": other.schema.schema_str})
    line = {"format": name, "id": registered.schema_id, "guid": registered.guid,
            "type": registered.schema.schema_type, "schema": registered.schema.schema_str, "imports": imports,
            "payload": base64.b64encode(payload).decode(),
            "header": base64.b64encode(context.headers[0][1]).decode() if context.headers else None}
    print(json.dumps(line)[:-1] + ', "json": ' + expected + "}")


def main():
    seeded = random.Random(7)
    uuid.uuid4 = lambda: uuid.UUID(int=seeded.getrandbits(128))
    files = proto.compiled()
    pool = descriptor_pool.Default()
    for file in sorted(files.file, key=lambda file: file.name):
        pool.Add(file)
    for framing in ({}, {"schema.id.serializer": header_schema_id_serializer}):
        import datetime
        import decimal
        click = {"event_id": "e1", "ts": datetime.datetime(2026, 11, 30, 10, 15, 30, 500000, datetime.timezone.utc),
                 "user_id": "größe", "item_id": "sku", "price": decimal.Decimal("19.90")}
        client = SchemaRegistryClient.new_client({"url": f"mock://{len(framing)}a"})
        emit(client, "avro", AvroSerializer(client, json.dumps(AVRO), conf=dict(framing)), click,
             '{"event_id":"e1","ts":"2026-11-30T10:15:30.5Z","user_id":"größe","item_id":"sku","price":19.90}')
        client = SchemaRegistryClient.new_client({"url": f"mock://{len(framing)}j"})
        emit(client, "json_schema", JSONSerializer(json.dumps(JSON_SCHEMA), client, conf=dict(framing)), {"event_id": "e1"},
             '{"event_id":"e1"}')
        for name in ("shop.v1.Click", "shop.v1.Click.Line", "shop.v1.Numbers"):
            kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
            message = kind()
            proto.fill(random.Random(11), message, 3)
            client = SchemaRegistryClient.new_client({"url": f"mock://{len(framing)}{name}"})
            # The registry for tests gives every schema the same id; references are registered first.
            serializer = ProtobufSerializer(kind, client, dict(framing))
            emit(client, "protobuf", serializer, message, proto.as_json(message))


if __name__ == "__main__":
    main()
