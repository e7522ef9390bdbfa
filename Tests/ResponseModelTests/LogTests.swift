import Foundation
import ResponseModel
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
    }

    static func rows(_ file: String, _ count: Int) throws -> [Row] {
        let unzip = Process()
        unzip.executableURL = URL(filePath: "/bin/gzip")
        unzip.arguments = ["-dc", folder.appending(path: file).path]
        let pipe = Pipe()
        unzip.standardOutput = pipe
        try unzip.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        unzip.waitUntilExit()
        let decoder = JSONDecoder()
        return try data.split(separator: 0x0a).prefix(count).map {
            try decoder.decode(Row.self, from: $0)
        }
    }

    @Test(
        "identities alone reach an NE of 0.883 on the first 40,000 rows of grocery",
        .enabled(if: isThere, "../shared/data is not there"))
    func grocery() throws {
        var items: [String: ItemFeatures] = [:]
        for row in try Self.rows("grocery.items.jsonl.gz", 1000) {
            items[row.item_id] = ItemFeatures(
                id: row.item_id, category: row.category, brand: row.brand)
        }
        var head = ResponseHead(name: "purchase", dimension: 0)
        var loss = 0.0
        var positives = 0.0
        let rows = try Self.rows("grocery.jsonl.gz", 40_000)
        for row in rows {
            let context = (row.context ?? [:]).sorted { $0.key < $1.key }
            let exposure = Exposure(
                tsMs: row.ts, user: try #require(row.user_id), price: try #require(row.price),
                discount: row.discount ?? 0,
                context: context.map { (key: $0.key, value: .number($0.value)) })
            let label = try #require(row.purchased as Bool?)
            let item = try #require(items[row.item_id])
            let made = try head.learn(exposure, item: item, label: label)
            loss -= log(label ? made.probability : 1 - made.probability)
            positives += label ? 1 : 0
        }
        let rate = positives / Double(rows.count)
        let entropy = -(rate * log(rate) + (1 - rate) * log(1 - rate))
        let normalized = loss / Double(rows.count) / entropy
        #expect(normalized < 0.883, "NE \(normalized)")
    }
}
