import Records
import SnapshotStore
import Testing

@Suite struct OwnerHoldingsTests {
    private let persons = StateTable("persons", .keyed, keys: .owner)
    private let things = StateTable("things", .weights)
    private let told = StateTable("told", .ledger)

    private func holding(_ owner: RowOwner, _ name: String, number: UInt8) -> Commit {
        var commit = Commit()
        commit.changes.put(persons, owner.bytes, Array(name.utf8), owner: owner)
        commit.changes.put(things, [number], [number, 1], owner: owner)
        commit.changes.put(told, [number, 2], [], owner: owner)
        commit.outbox = [
            OutboxMessage(topic: "out", key: nil, value: Array(name.utf8), owner: owner)
        ]
        return commit
    }

    @Test("all that is held of an owner is had in plain, and nothing of anybody else")
    func held() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        let (ann, bob) = (RowOwner(user: "ann"), RowOwner(user: "bob"))
        try store.commit(holding(ann, "ann", number: 7))
        try store.commit(holding(bob, "bobby", number: 8))
        var nobody = Commit()
        nobody.changes.put(things, [9], [9])
        nobody.outbox = [OutboxMessage(topic: "out", key: nil, value: [9])]
        try store.commit(nobody)
        let holdings = try store.holdings(of: ann)
        #expect(Set(holdings.rows.map(\.table)) == [persons, things, told])
        let person = try #require(holdings.rows.first { $0.table == persons })
        #expect(person.key == ann.bytes && person.value == Array("ann".utf8))
        #expect(holdings.rows.first { $0.table == things }?.value == [7, 1])
        #expect(holdings.messages.map(\.value) == [Array("ann".utf8)])
        let counts = holdings.counts
        #expect(Set(counts.map(\.table)) == ["persons", "things", "told", "outbox"])
        #expect(counts.allSatisfy { $0.rows == 1 })
        #expect(counts.first { $0.table == "outbox" }?.bytes == 3)
        #expect(try store.holdings(of: RowOwner(user: "eve")).rows.isEmpty)

        var erasure = Commit()
        erasure.changes.erase(ann)
        erasure.changes.remove(things, [7])
        erasure.changes.remove(told, [7, 2])
        try store.commit(erasure)
        let after = try store.holdings(of: ann)
        #expect(after.rows.isEmpty && after.messages.isEmpty && after.counts.isEmpty)
        #expect(try store.holdings(of: bob).rows.count == 3)
        try store.close()
    }
}
