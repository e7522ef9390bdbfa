import Daemon
import Events
import Mapping
import Testing

@Suite("Proposals") struct InferenceTests {
    private func proposal(_ documents: [String]) throws -> String {
        var inference = MappingInference()
        for document in documents { inference.look(at: Array(document.utf8)) }
        return try inference.proposal()
    }

    @Test("what is proposed of a plain shop takes its sample, guesses marked")
    func plain() throws {
        let documents = [
            #"{"kind": "view", "id": "v1", "at": 1795953000, "user": {"id": 7}, "sku": "a", "price": "5.00"}"#,
            #"{"kind": "order", "id": "o1", "at": 1795953001, "user": {"id": 7}, "lines": [{"sku": "a", "price": 5, "qty": 2}, {"sku": "b", "price": 6}]}"#,
            #"{"kind": "add_to_cart", "id": "c1", "at": 1795953002, "user": {"id": 7}, "sku": "a"}"#,
        ]
        let text = try proposal(documents)
        let mapping = try MappingFixture.mapping(text)
        let found = documents.map { MappingFixture.decode(mapping, $0) }
        #expect(found.map(\.events.count) == [1, 2, 0])
        #expect(found.flatMap(\.reasons).isEmpty, "\(text)")
        #expect(found[1].events.map(\.itemID) == ["a", "b"])
        #expect(found[0].events[0].tsMs == 1_795_953_000_000)
        #expect(text.contains("ts: {path: at, time: s}  # guess"))
        #expect(text.contains("then: ignore  # guess"))
    }

    @Test("what is not found is said, and no sample traps")
    func notFound() throws {
        let text = try proposal([#"{"a": 1, "b": [{}], "c d": null, "e": {"f.g": 2}}"#])
        #expect(text.contains("# user_id: not found, name a path"))
        #expect(text.contains("ts: {record: timestamp}  # guess"))
        #expect(!problems(text).isEmpty)
        #expect(throws: EventError.self) { try proposal(["[]", "5", "broken"]) }
    }

    @Test("presets' names of events are quoted where YAML needs it")
    func quoted() throws {
        let text = try proposal([
            ##"{"event": "view: #1 'x' \"y\"", "id": "1", "ts": 1795953000000, "user_id": "u", "item_id": "i", "price": 5}"##
        ])
        let mapping = try MappingFixture.mapping(text)
        #expect(mapping.ruleNames == ["view: #1 'x' \"y\""])
    }
}
