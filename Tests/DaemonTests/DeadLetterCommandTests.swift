import Daemon
import Foundation
import KafkaStream
import Testing

@Suite(.serialized) struct DeadLetterCommandTests {
    /// Runs the program that was built beside the tests.
    private func tidemark(_ arguments: [String], _ fixture: DaemonFixture) throws -> (
        code: Int32, output: String
    ) {
        let process = Process()
        let output = Pipe()
        process.executableURL = DaemonProcess.program
        process.arguments =
            ["deadletters"] + arguments + (try fixture.overrides()).flatMap { ["--set", $0] }
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    private struct Row: Decodable {
        let offset: Int64
        let source_topic: String
        let source_partition: Int32
        let source_offset: Int64
        let reason: String
        let bytes: Int
        let redriven: Int
        let beginning: String
    }

    private struct Outcome: Decodable {
        let sent: Int
        let unsendable: Int
    }

    private func list(_ choice: [String], _ fixture: DaemonFixture) throws -> [Row] {
        let listed = try tidemark(["list", "--json"] + choice, fixture)
        #expect(listed.code == 0)
        return try JSONDecoder().decode([Row].self, from: Data(listed.output.utf8))
    }

    private func redrive(_ choice: [String], _ fixture: DaemonFixture) throws -> Outcome {
        let sent = try tidemark(["redrive", "--json"] + choice, fixture)
        #expect(sent.code == 0)
        return try JSONDecoder().decode(Outcome.self, from: Data(sent.output.utf8))
    }

    @Test(
        "dead letters are listed by reason, source and place, and the chosen ones go where they came from, once more"
    )
    func listAndRedrive() throws {
        let fixture = try DaemonFixture(partitions: 2)
        let priceless = """
            {"type":"click","event_id":"c","ts":\(nowMs() - 1000),"user_id":"u","item_id":"i"}
            """
        try fixture.send(["rubbish", priceless], key: "u", partition: 1)
        try fixture.send(["more rubbish"], key: "v", partition: 0)
        let configuration = try fixture.configuration()
        #expect(try fixture.run(configuration).events.deadLettered == 3)
        let all = try list([], fixture)
        #expect(all.count == 3 && all.allSatisfy { $0.source_topic == fixture.events })
        #expect(all.allSatisfy { $0.redriven == 0 && $0.bytes > 0 })
        let unpriced = try list(["--reason", "price"], fixture)
        let letter = try #require(unpriced.first)
        #expect(unpriced.count == 1 && letter.source_partition == 1 && letter.source_offset == 1)
        #expect(letter.beginning.hasPrefix("{\"type\":\"click\""))
        #expect(try list(["--offsets", "0-1"], fixture).map(\.offset) == [0, 1])
        #expect(try list(["--source", "elsewhere"], fixture).isEmpty)
        #expect(try list(["--limit", "2"], fixture).count == 2)
        // Without a choice nothing is sent.
        #expect(try tidemark(["redrive"], fixture).code == 64)
        #expect(try redrive(["--all", "--dry-run"], fixture).sent == 3)
        #expect(try fixture.read(fixture.events).count == 3)
        #expect(try redrive(["--reason", "price"], fixture).sent == 1)
        let there = try fixture.read(fixture.events)
        #expect(there.count == 4)
        let again = try #require(there.first { $0.position.partition == 1 && $0.offset == 2 })
        #expect(text(again) == priceless && again.key == Array("u".utf8))
        #expect(again.headers.map(\.name) == ["tidemark-redriven"])
        // Still without a price, it comes back, and the letter knows that it has been sent again.
        #expect(try fixture.run(configuration).events.deadLettered == 4)
        #expect(try list(["--reason", "price"], fixture).map(\.redriven) == [0, 1])
        #expect(
            try redrive(["--offsets", "0", "--to", fixture.recommendations], fixture).sent == 1)
        #expect(try fixture.read(fixture.recommendations).count == 1)
    }

    @Test("a letter that was too large to be kept whole is told so, and not sent")
    func cut() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let large = DeadLetter(
            record: .init(
                position: .init(topic: fixture.events, partition: 0), offset: 7,
                value: [UInt8](repeating: UInt8(ascii: "x"), count: 300_000)), reason: "no event"
        ).message(topic: fixture.deadLetters, messageBytesMax: 200_000)
        let producer = try KafkaProducer(KafkaConfiguration(brokers: fixture.brokers, topics: []))
        defer { producer.close() }
        try producer.send(large, token: 0)
        try #require(producer.flush(timeoutMs: 20_000))
        #expect(try list([], fixture).map(\.bytes) == [300_000])
        let outcome = try redrive(["--all"], fixture)
        #expect(outcome.sent == 0 && outcome.unsendable == 1)
        #expect(try fixture.read(fixture.events).isEmpty)
    }
}
