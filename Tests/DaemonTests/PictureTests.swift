import Foundation
import Testing

/// What `simulate` shows of margin over time.
@Suite struct PictureTests {
    private struct Score: Decodable {
        struct Part: Decodable {
            struct Row: Decodable {
                let strategy: String
                let margin_per_1000_visits: Double
            }
            let visits: Int
            let strategies: [Row]
        }
        let total: Part
    }

    @Test("the picture ends at the margins of the table, less that without discounts")
    func marginOverTime() throws {
        let scratch = try Scratch()
        let picture = "\(scratch.path)/margin.svg"
        let arguments = [
            "simulate", "--visits", "4500", "--out", "\(scratch.path)/log.jsonl", "--replace",
            "--picture", picture,
        ]
        let shown = try tidemark(arguments)
        #expect(shown.status == 0, "\(shown.errors)")
        let score = try tidemark(arguments + ["--json"]).json(Score.self).total
        let lines = try polylines(of: picture)
        func margin(_ name: String) throws -> Double {
            let row = try #require(score.strategies.first { $0.strategy == name })
            return row.margin_per_1000_visits * Double(score.visits) / 1_000
        }
        let fixed = try score.strategies.map(\.strategy).filter { $0.hasPrefix("fixed") }
            .max { try margin($0) < margin($1) }
        let names = ["offered", try #require(fixed), "oracle"]
        // The last is drawn first, so that the first is on top.
        #expect(lines.count == names.count && lines.allSatisfy { $0.count >= 6 })
        let gains = try names.map { try margin($0) - margin("no discount") }
        let ends = lines.reversed().map { $0.last?.y ?? .nan }
        let zero = lines[0][0].y
        #expect(lines.allSatisfy { $0[0].y == zero })
        for (gain, end) in zip(gains, ends) {
            // All are in one scale, which the oracle's end tells.
            let expected = zero - (zero - ends[2]) * gain / gains[2]
            #expect(abs(end - expected) < 0.2, "\(gain): \(end), not \(expected)")
        }
        let parts = shown.output.split(separator: "\n").suffix(3)
        #expect(parts.last?.hasPrefix("oracle") == true, "\(shown.output)")
        #expect(parts.allSatisfy { $0.split(whereSeparator: { "+-".contains($0) }).count >= 5 })
    }
}

/// The lines of a picture, each as its points.
private func polylines(of picture: String) throws -> [[(x: Double, y: Double)]] {
    let svg = try String(contentsOfFile: picture, encoding: .utf8)
    return svg.split(separator: "<polyline").dropFirst().map { line in
        let points = line.split(separator: "points=\"").last?.prefix { $0 != "\"" } ?? ""
        return points.split(separator: " ").compactMap { point in
            let pair = point.split(separator: ",").compactMap { Double($0) }
            return pair.count == 2 ? (pair[0], pair[1]) : nil
        }
    }
}
