import Daemon
import Events
import Foundation
import Mapping
import Records
import Testing

@Suite("Payloads of any kind") struct PayloadFuzzTests {
    /// Payloads of the presets' tests, as good beginnings.
    private static func seeds(_ preset: Preset) throws -> [[UInt8]] {
        let file = MappingFixture.folder.appending(path: "\(preset.rawValue).test.yaml").path
        let node = try MappingFile.node(yaml: try MappingFile.text(path: file), name: file)
        return (node["tests"]?.elements ?? []).compactMap { $0["record"]?.text }
            .map { Array($0.utf8) }
    }

    @Test("no payload traps, and each comes to at least one element", arguments: Preset.allCases)
    func random(preset: Preset) throws {
        let mapping = try MappingFile.mapping(preset: preset, currency: "USD")
        let decoder = MappingDecoder(mapping, EventDecoder())
        let seeds = try Self.seeds(preset)
        var random = SeededRandom(seed: 5)
        let pieces: [[UInt8]] = [
            "null", "{}", "[]", "-1", "1e308", "\"\"", "true", "9223372036854775807", "[[]]",
            "\"\\u0000\"", "0.1", "\"1,5\"", "18446744073709551616", "\"@\"",
        ].map { Array($0.utf8) }
        for round in 0..<400 {
            var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
            for _ in 0...Int(random.next() % 6) where !bytes.isEmpty {
                let at = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 4 {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(at..<min(bytes.count, at + Int(random.next() % 20)))
                case 2: Self.replaceValue(&bytes, at, pieces[Int(random.next() % 14)])
                default: bytes = Array(bytes.prefix(at))
                }
            }
            let record = SourceRecord(
                position: TopicPartition(topic: "t", partition: 0), offset: Int64(round),
                timestampMs: .max, key: [0xff], value: bytes,
                headers: [("ce_specversion", [0xff]), ("ce_id", [])])
            let found = decoder.decode(record, clockMs: .min)
            #expect(!found.isEmpty && found.count <= Mapping.elementsMax, "round \(round)")
        }
    }

    /// Puts another value behind the next colon.
    private static func replaceValue(_ bytes: inout [UInt8], _ at: Int, _ piece: [UInt8]) {
        guard let colon = bytes[at...].firstIndex(of: 0x3a) else { return }
        let end = bytes[colon...].firstIndex { $0 == 0x2c || $0 == 0x7d } ?? bytes.count
        bytes.replaceSubrange(colon + 1..<max(colon + 1, end), with: piece)
    }
}
