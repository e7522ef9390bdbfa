import Events
import Foundation
import Testing

/// The corpus that `deploy/fixtures/events.py` made from the schemas, and the decoder's verdicts.
@Suite struct SchemaCorpusTests {
    private struct Document: Decodable {
        struct Run: Decodable {
            let of: String
            let count: Int
        }

        let name: String
        let text: String
        /// What the schemas say.
        let schema: Bool
        /// What the decoder asks that a schema cannot say.
        let beyond: String?
        /// A long run of one character, which stands as a mark in the text.
        let run: Run?

        var bytes: [UInt8] {
            guard let run else { return Array(text.utf8) }
            let whole = String(repeating: run.of, count: run.count)
            return Array(text.replacingOccurrences(of: "@RUN@", with: whole).utf8)
        }
    }

    private struct Verdict: Codable, Equatable {
        let name: String
        let refused: String?

        enum CodingKeys: CodingKey { case name, refused }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            // `null`, not absent: the file says of each document that it was accepted.
            try container.encode(refused, forKey: .refused)
        }
    }

    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private static func lines<T: Decodable>(_ name: String, _ type: T.Type) throws -> [T] {
        let data = try Data(contentsOf: fixtures.appendingPathComponent(name))
        return try data.split(separator: 0x0a).map { try JSONDecoder().decode(type, from: $0) }
    }

    private static func verdicts() throws -> [(document: Document, refused: String?)] {
        let decoder = EventDecoder()
        return try lines("event-corpus.jsonl", Document.self).map { document in
            do throws(EventError) {
                _ = try decoder.decode(document.bytes)
                return (document, nil)
            } catch {
                return (document, error.description)
            }
        }
    }

    @Test("the decoder accepts what the schemas accept, but for what no schema can say")
    func agreement() throws {
        let verdicts = try Self.verdicts()
        #expect(verdicts.count > 400)
        for (document, refused) in verdicts {
            if let beyond = document.beyond {
                #expect(document.schema, "\(document.name): the schemas refuse it already")
                #expect(refused != nil, "\(document.name): \(beyond)")
            } else {
                #expect(
                    document.schema == (refused == nil),
                    "\(document.name): the schemas say \(document.schema), the decoder \(refused ?? "yes")"
                )
            }
        }
    }

    @Test("each verdict and its sentence is the one on record")
    func recorded() throws {
        let found = try Self.verdicts().map { Verdict(name: $0.document.name, refused: $0.refused) }
        if let path = ProcessInfo.processInfo.environment["TIDEMARK_EVENT_VERDICTS"] {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let text = try found.map { try encoder.encode($0) + [0x0a] }.reduce(Data(), +)
            try text.write(to: URL(fileURLWithPath: path))
        }
        let recorded = try Self.lines("event-verdicts.jsonl", Verdict.self)
        #expect(found.count == recorded.count)
        for (verdict, wanted) in zip(found, recorded) { #expect(verdict == wanted) }
    }

    @Test("the corpus holds valid events of every type")
    func everyTypeIsThere() throws {
        let accepted = try Self.verdicts().filter { $0.refused == nil }
        let types = try accepted.map { try EventDecoder().decode($0.document.bytes).type }
        #expect(Set(types) == Set(EventType.allCases))
    }
}
