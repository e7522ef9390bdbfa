import Events
import KafkaStream
import Records
import Testing

@Suite("Formats")
struct FormatTests {
    private let click = """
        {"type":"click","event_id":"c","ts":1700000000000,"user_id":"u","item_id":"i","price":1}
        """

    @Test(
        "every compression is read, with keys, values and headers as they were sent",
        arguments: ["none", "gzip", "snappy", "lz4", "zstd"])
    func compression(codec: String) throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("format-\(codec)")
        let producer = try cluster.producer(client: ["compression.codec": codec])
        defer { producer.close() }
        // Runs that compress, and bytes that do not.
        var random = SeededRandom(seed: 1)
        let values = (0..<200).map { number in
            [UInt8](repeating: UInt8(number), count: 500)
                + (0..<100).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
        for (number, value) in values.enumerated() {
            try producer.send(
                KafkaMessage(
                    topic: topic, partition: 0, key: Array("k\(number)".utf8), value: value,
                    headers: [("codec", Array(codec.utf8)), ("n", [UInt8(number)])]),
                token: UInt64(number))
        }
        #expect(producer.flush(timeoutMs: 20_000))
        let records = try cluster.consumer([topic]).records(values.count)
        #expect(records.map(\.value) == values)
        #expect(records.map(\.key) == values.indices.map { Array("k\($0)".utf8) })
        for (number, record) in records.enumerated() {
            #expect(record.headers.map(\.name) == ["codec", "n"])
            #expect(record.headers.map(\.value) == [Array(codec.utf8), [UInt8(number)]])
        }
    }

    @Test("JSON behind a Confluent schema id is the event it holds, and what is none says so")
    func confluent() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("confluent")
        let producer = try cluster.producer()
        defer { producer.close() }
        let bodies: [[UInt8]] = [
            [0, 0, 0, 1, 7] + Array(click.utf8), [0, 0, 0, 1, 7, 0x02, 0x08, 0x61, 0x62],
            [0, 0, 0, 1],
        ]
        for (number, body) in bodies.enumerated() {
            try producer.send(
                KafkaMessage(topic: topic, partition: 0, key: nil, value: body),
                token: UInt64(number))
        }
        #expect(producer.flush(timeoutMs: 20_000))
        let records = try cluster.consumer([topic]).records(bodies.count)
        let decoder = EventDecoder()
        #expect(try decoder.decode(records[0]).eventID == "c")
        for record in records.dropFirst() {
            #expect(throws: EventError.self) { try decoder.decode(record) }
        }
        // A dead letter keeps the framing and the headers of the original.
        let letter = DeadLetter(record: records[1], reason: "no JSON")
            .message(topic: "dead", messageBytesMax: 1_000_000)
        #expect(letter.value == bodies[1])
    }
}
