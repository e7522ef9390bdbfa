import Foundation
import Records
import ResponseModel
import TestSupport
import Testing

/// The head on a real log, by identities alone. The log is not part of the project.
@Suite struct LogTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/data").standardizedFileURL
    static let isThere = FileManager.default.fileExists(
        atPath: folder.appending(path: "grocery.jsonl.gz").path)

    struct Row: Decodable {
        let ts: Int64
        let item_id: String
        let user_id: String?
        let price: Double?
        let discount: Double?
        let purchased: Bool?
        let context: [String: Double]?
        let category: String?
        let brand: String?
        let phase: String?
        let event_id: String?
    }

    static func rows(_ file: String, _ count: Int) throws -> [Row] {
        let data = try PackedFile(folder.appending(path: file).path).data()
        let decoder = JSONDecoder()
        return try data.split(separator: 0x0a).prefix(count).map {
            try decoder.decode(Row.self, from: $0)
        }
    }

    /// The items of a log, by identity alone.
    static func items(_ file: String) throws -> [String: ItemFeatures] {
        var items: [String: ItemFeatures] = [:]
        for row in try rows(file, 1000) {
            items[row.item_id] = ItemFeatures(
                id: row.item_id, category: row.category, brand: row.brand)
        }
        return items
    }

    struct Example {
        let exposure: Exposure
        let item: ItemFeatures
        let label: Bool

        init(_ row: Row, _ items: [String: ItemFeatures]) throws {
            let context = (row.context ?? [:]).sorted { $0.key < $1.key }
            exposure = Exposure(
                tsMs: row.ts, user: try #require(row.user_id), price: try #require(row.price),
                discount: row.discount ?? 0,
                context: context.map { (key: $0.key, value: .number($0.value)) })
            item = try #require(items[row.item_id])
            label = try #require(row.purchased as Bool?)
        }
    }

    /// Log-loss over the entropy of the base rate.
    struct NormalizedEntropy {
        private var loss = 0.0
        private var positives = 0.0
        private var count = 0.0

        mutating func add(_ made: Prediction, _ label: Bool) {
            loss -= log(label ? made.probability : 1 - made.probability)
            positives += label ? 1 : 0
            count += 1
        }

        var value: Double {
            let rate = positives / count
            return loss / count / -(rate * log(rate) + (1 - rate) * log(1 - rate))
        }
    }

    @Test(
        "identities alone reach an NE of 0.883 on the first 40,000 rows of grocery",
        .enabled(if: isThere, "../shared/data is not there"))
    func grocery() throws {
        let items = try Self.items("grocery.items.jsonl.gz")
        var head = ResponseHead(name: "purchase", dimension: 0)
        var entropy = NormalizedEntropy()
        for row in try Self.rows("grocery.jsonl.gz", 40_000) {
            let example = try Example(row, items)
            entropy.add(
                try head.learn(example.exposure, item: example.item, label: example.label),
                example.label)
        }
        #expect(entropy.value < 0.883, "NE \(entropy.value)")
        #expect(head.summary.repairs == 0)
    }

    @Test(
        "after one department alone the head is cautious about the level of the three others",
        .enabled(if: isThere, "../shared/data is not there"))
    func unseenDepartments() throws {
        let items = try Self.items("grocery-phases.items.jsonl.gz")
        let rows = try Self.rows("grocery-phases.jsonl.gz", 120_000)
        let first = try #require(rows.first?.phase)
        func isHeldOut(_ row: Row) -> Bool {
            CRC32.checksum(Array((row.event_id ?? "").utf8)) % 5 == 0
        }
        var head = ResponseHead(name: "purchase", dimension: 0)
        for row in rows where row.phase == first && !isHeldOut(row) {
            let example = try Example(row, items)
            try head.learn(example.exposure, item: example.item, label: example.label)
        }
        var unseen: [String: NormalizedEntropy] = [:]
        for row in rows where row.phase != first && isHeldOut(row) {
            let example = try Example(row, items)
            let made = try head.predict(example.exposure, item: example.item)
            unseen[try #require(row.phase), default: NormalizedEntropy()].add(made, example.label)
        }
        let values = unseen.values.map(\.value)
        #expect(values.count == 3)
        #expect(values.reduce(0, +) / 3 < 1.12 && values.allSatisfy { $0 < 1.3 }, "\(values)")
    }
}
