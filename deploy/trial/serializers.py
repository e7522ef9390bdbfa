"""Events by Confluent's serializers into a daemon; run by deploy/trial/serializers."""
import argparse
import base64
import hashlib
import http.server
import json
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIDEMARK = str(ROOT / ".build" / "release" / "tidemark")
BASE = str(ROOT / "Tests" / "EncoderTests" / "Fixtures" / "gelu-mean")
USER, PASSWORD = "tidemark", "right"


class Registry:
    """Confluent's API as far as serializers, deserializers and the daemon ask for it."""

    def __init__(self):
        self.schemas, self.subjects, self.port, self.server = {}, {}, 0, None
        self.is_gone = False
        self.start()

    def start(self):
        registry = self
        self.is_gone = False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.reply(*registry.get(self.path.split("?")[0].strip("/").split("/"), self.headers))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.reply(*registry.post(self.path.split("?")[0].strip("/").split("/"), self.headers, body))

            def reply(self, status, answer):
                # Connections that were kept open end, too.
                if registry.is_gone:
                    self.close_connection = True
                    return
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.is_gone = True
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def refusal(headers):
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return None if headers.get("Authorization") == wanted else (
            401, {"error_code": 401, "message": "Unauthorized"})

    def get(self, path, headers):
        if refusal := self.refusal(headers):
            return refusal
        if path == ["subjects"]:
            return 200, list(self.subjects)
        if path[:2] == ["schemas", "ids"] and int(path[2]) in self.schemas:
            return 200, self.schemas[int(path[2])]
        if path[:2] == ["schemas", "ids"]:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 404, {"error_code": 40401, "message": "Subject not found"}

    def post(self, path, headers, body):
        if refusal := self.refusal(headers):
            return refusal
        subject, entry = path[1], {key: body[key] for key in ("schema", "schemaType", "references") if body.get(key)}
        versions = self.subjects.setdefault(subject, [])
        for version, known in enumerate(versions, 1):
            if self.schemas.get(known) == entry:
                break
        else:
            if len(path) == 2:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            known = next((key for key, value in self.schemas.items() if value == entry),
                         1 + max(self.schemas, default=0))
            self.schemas[known] = entry
            versions.append(known)
            version = len(versions)
        digest = hashlib.md5(json.dumps(entry).encode()).hexdigest()
        guid = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"
        return 200, {"id": known, "version": version, "subject": subject, "guid": guid, **entry}

    def lose(self, schema_id):
        """As a hard deletion does."""
        self.schemas.pop(schema_id)


def avro(evolved):
    fields = [
        {"name": "type", "type": "string"}, {"name": "event_id", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "user_id", "type": ["null", "string"], "default": None},
        {"name": "anonymous_id", "type": ["null", "string"], "default": None},
        {"name": "item_id", "type": "string"},
        {"name": "price", "type": "double"}]
    if evolved:
        fields.append({"name": "session_id", "type": ["null", "string"], "default": None})
    return json.dumps({"type": "record", "name": "Click", "namespace": "shop", "fields": fields})


JSON_SCHEMA = json.dumps({
    "$schema": "http://json-schema.org/draft-07/schema#", "title": "View", "type": "object",
    "properties": {"event_id": {"type": "string"}}})


def purchase_class():
    file = descriptor_pb2.FileDescriptorProto(name="shop_event.proto", package="shop", syntax="proto2")
    message = file.message_type.add(name="Purchase")
    kinds = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind) in enumerate([
            ("type", kinds.TYPE_STRING), ("event_id", kinds.TYPE_STRING), ("ts", kinds.TYPE_INT64),
            ("user_id", kinds.TYPE_STRING), ("item_id", kinds.TYPE_STRING), ("price", kinds.TYPE_DOUBLE),
            ("order_id", kinds.TYPE_STRING)], 1):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Purchase"))


class Trial:
    def __init__(self, scratch, gone):
        self.scratch, self.gone, self.count, self.failures = pathlib.Path(scratch), gone, 0, 0
        self.registry = Registry()
        self.broker = subprocess.Popen(
            [TIDEMARK, "broker", "--topic", "clicks:1", "--topic", "views:1", "--topic", "orders:1", "--topic",
             "discount-recommendations:1", "--topic", "tidemark-dead-letters:1", "--address-file",
             str(self.scratch / "address")], stdout=subprocess.DEVNULL)
        self.address = self.wait("a broker", lambda: (self.scratch / "address").read_text().strip()
                                 if (self.scratch / "address").exists() else None)
        self.producer = Producer({"bootstrap.servers": self.address})
        url = f"http://127.0.0.1:{self.registry.port}"
        self.client = SchemaRegistryClient({"url": url, "basic.auth.user.info": f"{USER}:{PASSWORD}"})
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.daemon = None
        self.purchase = purchase_class()

    def config(self, password):
        path = self.scratch / "tidemark.yaml"
        path.write_text(f"""
model: {{base: {BASE}}}
kafka:
  brokers: {self.address}
  topics:
    - {{name: clicks, decoder: avro}}
    - {{name: orders, decoder: protobuf}}
    - {{name: views, decoder: json_schema}}
registry: {{url: "http://127.0.0.1:{self.registry.port}", user: {USER}, password: {password}, timeout: 1s}}
publish: {{format: json_schema}}
store: {{path: {self.scratch}/store, bytes_max: 1GiB}}
attribution: {{lateness: 0s}}
http: {{enabled: true, port: {self.port}}}
""")
        return str(path)

    def start(self, password):
        self.daemon = subprocess.Popen(
            [TIDEMARK, "run", "--config", self.config(password)],
            stderr=(self.scratch / "log").open("a"), stdout=subprocess.DEVNULL)

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        return self.daemon.wait(60)

    def wait(self, what, ask, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (found := ask()) is not None:
                return found
            time.sleep(0.05)
        sys.exit(f"serializers: {what} did not come within {seconds} s")

    def status(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/status", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    def learned(self, count):
        def ask():
            events = (self.status() or {}).get("events") or {}
            return events if events.get("accepted", 0) >= count else None
        return self.wait(f"{count} events", ask)

    def waits(self, words):
        def ask():
            status = self.status() or {}
            reason = status.get("ready_reason", "")
            return reason if words in reason and not status["ready"] else None
        return self.wait(f"a daemon that waits ({words})", ask)

    def check(self, what, holds):
        print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
        self.failures += 0 if holds else 1

    def send(self, topic, serializer, content, number=10):
        for _ in range(number):
            self.count += 1
            event = content(self.count, int(time.time() * 1000))
            value = serializer(event, SerializationContext(topic, MessageField.VALUE))
            self.producer.produce(topic, value)
        self.producer.flush()

    def click(self, evolved=False, number=10):
        serializer = AvroSerializer(self.client, avro(evolved))
        more = {"session_id": "s"} if evolved else {}
        self.send("clicks", serializer, lambda n, ms: {
            "type": "click", "event_id": f"c{n}", "ts": ms, "user_id": None if n % 2 else f"u{n}",
            "anonymous_id": f"g{n}", "item_id": "kettle", "price": 20.0, **more}, number)

    def view(self):
        self.send("views", JSONSerializer(JSON_SCHEMA, self.client), lambda n, ms: {
            "type": "impression", "event_id": f"v{n}", "ts": ms, "user_id": f"u{n}", "item_id": "kettle", "price": 20})

    def order(self):
        self.send("orders", ProtobufSerializer(self.purchase, self.client, {"use.deprecated.format": False}),
                  lambda n, ms: self.purchase(
                      type="purchase", event_id=f"o{n}", ts=ms, user_id=f"u{n}", item_id="kettle", price=20.0,
                      order_id=f"o{n}"))

    def read(self):
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "trial", "auto.offset.reset": "earliest"})
        consumer.subscribe(["discount-recommendations"])
        deserializer = JSONDeserializer(None, schema_registry_client=self.client)
        found, quiet = [], 0
        while quiet < 20:
            message = consumer.poll(0.5)
            if message is None or message.error():
                quiet += 1
                if found:
                    break
                continue
            found.append(deserializer(
                message.value(), SerializationContext("discount-recommendations", MessageField.VALUE)))
        consumer.close()
        return found

    def run(self):
        self.click()
        self.start("wrong")
        reason = self.waits("(401)")
        self.check(f"wrong credentials are told: {reason}", True)
        self.check("a daemon that waits for credentials can be stopped", self.stop() == 0)
        refused = subprocess.run(
            [TIDEMARK, "check", "--connect", "--config", self.config("wrong")], capture_output=True, text=True)
        self.check("check --connect names wrong credentials",
                   refused.returncode != 0 and "credentials" in refused.stdout + refused.stderr)
        self.view()
        self.order()
        self.start("right")
        events = self.learned(self.count)
        self.check("Avro, JSON Schema and Protobuf of Confluent's serializers are learned",
                   events["by_type"] == {"click": 10, "impression": 10, "purchase": 10})
        self.click(evolved=True)
        self.learned(self.count)
        self.check("a schema that evolved is learned", True)
        # A schema that the daemon has not seen, and a registry that is gone when its records come.
        third = json.loads(avro(True))
        third["doc"] = "third"
        serializer = AvroSerializer(self.client, json.dumps(third))
        serializer({"type": "click", "event_id": "x", "ts": 0, "user_id": "u", "anonymous_id": None, "item_id": "i",
                    "price": 1.0, "session_id": None}, SerializationContext("clicks", MessageField.VALUE))
        self.registry.stop()
        self.send("clicks", serializer, lambda n, ms: {
            "type": "click", "event_id": f"c{n}", "ts": ms, "user_id": f"u{n}", "anonymous_id": None,
            "item_id": "kettle", "price": 20.0, "session_id": None})
        began = time.monotonic()
        self.waits("cannot be reached")
        time.sleep(max(0, self.gone - (time.monotonic() - began)))
        self.check(f"the registry was gone for {self.gone} s, and the daemon waited", self.waits("cannot be reached") is not None)
        self.registry.start()
        self.learned(self.count)
        self.check("back again, nothing is lost", True)
        first = self.registry.subjects["clicks-value"][0]
        self.registry.lose(first)
        frame = b"\0" + first.to_bytes(4, "big")
        kept = AvroSerializer(self.client, avro(False))
        context = SerializationContext("clicks", MessageField.VALUE)
        for _ in range(5):
            self.count += 1
            body = kept({"type": "click", "event_id": f"c{self.count}", "ts": int(time.time() * 1000), "user_id": "late",
                         "anonymous_id": None, "item_id": "kettle", "price": 20.0}, context)
            self.producer.produce("clicks", frame + body[5:])
        self.producer.flush()
        events = self.learned(self.count)
        self.check("a schema that was deleted is in the store", events["dead_lettered"] == 0)
        self.check("the daemon ends cleanly", self.stop() == 0)
        found = self.read()
        self.check(f"{len(found)} recommendations are read by Confluent's deserializer",
                   len(found) > 20 and all(0 <= one["discount"] < 1 for one in found))

    def close(self):
        for process in [self.daemon, self.broker]:
            if process and process.poll() is None:
                process.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scratch")
    parser.add_argument("--gone", type=float, default=5)
    arguments = parser.parse_args()
    trial = Trial(arguments.scratch, arguments.gone)
    try:
        trial.run()
    finally:
        trial.close()
    sys.exit(65 if trial.failures else 0)


main()
