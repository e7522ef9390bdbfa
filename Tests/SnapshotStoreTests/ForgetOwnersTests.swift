import Foundation
import Records
import SnapshotStore
import Testing

private let shoppers = StateTable("shoppers", .keyed, keys: .owner)
private let open = StateTable("open", .keyed)
private let pages = StateTable("pages", .weights)
private let erased = StateTable("erased", .ledger, keys: .blinded)

private func owner(_ number: Int) -> RowOwner { RowOwner(user: "user \(number)") }

/// Rows in every kind of table, as an engine puts them for a shopper.
private func met(_ users: some Sequence<Int>, at step: Int) -> Commit {
    var commit = Commit()
    for user in users { meet(user, at: step, in: &commit) }
    return commit
}

private func meet(_ user: Int, at step: Int, in commit: inout Commit) {
    let (owner, value) = (owner(user), Array("user \(user) at step \(step)".utf8))
    commit.changes.put(shoppers, owner.bytes, value, owner: owner)
    commit.changes.put(open, Array("open \(user)".utf8), value, owner: owner)
    commit.changes.put(pages, Array("page \(user)".utf8), value, owner: owner)
}

private func forgotten(_ users: some Sequence<Int>) -> Commit {
    var commit = Commit()
    for user in users { forget(user, in: &commit) }
    return commit
}

private func forget(_ user: Int, in commit: inout Commit) {
    commit.changes.remove(shoppers, owner(user).bytes)
    commit.changes.remove(open, Array("open \(user)".utf8))
    commit.changes.remove(pages, Array("page \(user)".utf8))
}

private func users(_ state: StoredState) throws -> [RowOwner] {
    var found: [RowOwner] = []
    try state.forEach(shoppers) { key, _ in found += [RowOwner(bytes: key)].compactMap(\.self) }
    return found.sorted()
}

extension SnapshotStore {
    fileprivate func known() throws -> [RowOwner] { try withHead { try users($0) } }

    fileprivate func value(_ table: StateTable, _ key: [UInt8]) throws -> [UInt8]? {
        try withHead { try $0.value(table, key) }
    }

    fileprivate func ownerCount() throws -> Int {
        try status().ownTables.first { $0.name == "owners" }.map { $0.count / 2 } ?? 0
    }
}

/// Undo records of the last commit alone.
private var shortUndo: SnapshotStore.Options {
    var options = SnapshotStore.Options()
    options.undoCommitsMax = 1
    return options
}

@Suite struct ForgetOwnersTests {
    @Test("an owner of whom nothing is left keeps no key, and everybody else does")
    func nothingLeft() throws {
        let folder = ScratchFolder()
        let store = try folder.open(shortUndo)
        try store.commit(met(0..<20, at: 0))
        try store.commit(forgotten(10..<20))
        // The undo record of the last commit has their rows.
        #expect(try store.forgetOwners(always: true) == 0)
        try store.commit(met([0], at: 1))
        #expect(try store.forgetOwners(always: true) == 10)
        #expect(try store.ownerCount() == 10)
        #expect(try store.known() == (0..<10).map(owner).sorted())
        // Who comes back is a new acquaintance.
        try store.commit(met([15], at: 2))
        #expect(try store.ownerCount() == 11)
        #expect(
            try store.value(shoppers, owner(15).bytes)
                == Array("user 15 at step 2".utf8))
        try store.verifyRecords()
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }

    @Test("one row, one message or one snapshot is enough to keep an owner's key")
    func oneThingLeft() throws {
        let folder = ScratchFolder()
        let store = try folder.open(shortUndo)
        var first = met(0..<6, at: 0)
        first.outbox = [
            OutboxMessage(topic: "out", key: nil, value: [7], owner: owner(3))
        ]
        try store.commit(first)
        try store.commit(met([0], at: 1))
        var snapshot = met([0], at: 2)
        snapshot.snapshot = .at(minute: 0, tags: ["light"])
        try store.commit(snapshot)
        try store.commit(forgotten(4..<5))
        var rest = Commit()
        for user in [1, 2, 3] { forget(user, in: &rest) }
        meet(9, at: 3, in: &rest)
        try store.commit(rest)
        var kept = Commit()
        kept.changes.put(open, Array("open 1".utf8), [1], owner: owner(1))
        try store.commit(kept)
        try store.commit(met([0], at: 4))
        // The snapshot has pages of all six; without it those of 2 and 4 are gone.
        #expect(try store.forgetOwners(always: true) == 0)
        _ = try store.verify("light")
        try store.untag("light", who: "ops", wallTimeMs: 0)
        var newer = met([0], at: 5)
        newer.snapshot = .at(minute: 1, isChampion: true)
        try store.commit(newer)
        _ = try store.prune(Retention(latest: 1, hourly: 0, daily: 0))
        #expect(try store.snapshots().count == 1)
        #expect(try store.forgetOwners(always: true) == 2)
        #expect(try store.outbox(limit: 10).map(\.value) == [[7]])
        #expect(try store.value(open, Array("open 1".utf8)) == [1])
        // Nor is there anything to keep once they have gone too.
        var last = Commit()
        last.changes.remove(open, Array("open 1".utf8))
        last.outboxDeliveredThrough = 0
        try store.commit(last)
        try store.commit(met([0], at: 6))
        #expect(try store.forgetOwners(always: true) == 2)
        #expect(try store.ownerCount() == 3)
        try store.verifyRecords()
    }

    @Test(
        "what was forgotten is there again after a rewind, by undo records and by a whole snapshot")
    func rewinds() throws {
        for isWhole in [false, true] {
            let folder = ScratchFolder()
            let store = try folder.open(isWhole ? shortUndo : .init())
            var first = met(0..<10, at: 0)
            first.snapshot = .at(minute: 0, tags: ["before"], isWhole: isWhole)
            let record = try #require(try store.commit(first).snapshot)
            try store.commit(forgotten(5..<10))
            for step in 1..<4 { try store.commit(met([0], at: step)) }
            #expect(try store.forgetOwners(always: true) == 0)
            let info = try store.rewind(to: "before", reason: "", who: "", wallTimeMs: 0)
            #expect(info.plan.erasedRows == 0)
            #expect(try store.status().stateDigest == record.stateDigest)
            #expect(try store.known() == (0..<10).map(owner).sorted())
        }
    }

    @Test("who was erased stays erased, in the head and in snapshots, whatever keys go")
    func erasures() throws {
        let folder = ScratchFolder()
        let store = try folder.open(shortUndo)
        var first = met(0..<4, at: 0)
        first.snapshot = .at(minute: 0, tags: ["before"], isWhole: true)
        try store.commit(first)
        var erasure = forgotten([2])
        erasure.changes.erase(owner(2))
        erasure.changes.put(erased, owner(2).bytes, [9])
        try store.commit(erasure)
        // Erased after being forgotten, when there is no key any more.
        try store.commit(met([7], at: 1))
        try store.commit(forgotten([7]))
        try store.commit(met([0], at: 2))
        #expect(try store.forgetOwners(always: true) == 1)
        var late = Commit()
        late.changes.erase(owner(7))
        late.changes.put(erased, owner(7).bytes, [8])
        try store.commit(late)
        try store.commit(met([0, 2], at: 3))
        #expect(try store.forgetOwners(always: true) == 0)
        #expect(try store.value(erased, owner(2).bytes) == [9])
        #expect(try store.value(erased, owner(7).bytes) == [8])
        try store.withSnapshot("before") { _, state in
            let found = try users(state)
            #expect(found == [0, 1, 3].map(owner).sorted())
        }
        #expect(try store.verify("before").erasedRows == 3)
    }

    @Test("who comes back while keys are looked for keeps the key")
    func comesBackMeanwhile() throws {
        let folder = ScratchFolder()
        let store = try folder.open(shortUndo)
        try store.commit(met(0..<8, at: 0))
        try store.commit(forgotten(4..<8))
        try store.commit(met([0], at: 1))
        // A commit between any two pieces: some of those who went come back, and one leaves again.
        var step = 1
        let gone = try store.forgetOwners(always: true) {
            step += 1
            if step < 6 { _ = try? store.commit(met([step + 2], at: step)) }
            if step == 6 { _ = try? store.commit(forgotten([5])) }
            return false
        }
        #expect(step >= 6)
        // 4, 5, 6 and 7 came back before the first key went.
        #expect(gone == 0)
        #expect(try store.known() == [0, 1, 2, 3, 4, 6, 7].map(owner).sorted())
        try store.verifyRecords()
        // Ended between two pieces, it destroys nothing that it has not looked for everywhere.
        try store.commit(met([0], at: 9))
        var looks = 0
        let goneThen = try store.forgetOwners(always: true) {
            looks += 1
            return looks == 3
        }
        #expect(goneThen == 0)
        #expect(try store.forgetOwners(always: true) == 1)
    }

    @Test("keys stay in proportion to shoppers however many come and go, and snapshots stay whole")
    func bounded() throws {
        let folder = ScratchFolder()
        var options = SnapshotStore.Options()
        options.undoCommitsMax = 4
        let store = try folder.open(options)
        var counts: [Int] = []
        for step in 0..<120 {
            var commit = met(step * 100..<step * 100 + 100, at: step)
            for user in step * 100 - 500..<step * 100 - 400 where user >= 0 {
                forget(user, in: &commit)
            }
            if step % 5 == 0 { commit.snapshot = .at(minute: step, isWhole: step % 10 == 0) }
            try store.commit(commit, sync: false)
            _ = try store.prune(Retention(latest: 2, hourly: 0, daily: 0))
            try store.forgetOwners(sync: false)
            counts.append(try store.ownerCount())
        }
        // 500 shoppers are kept; snapshots and undo records have at most 1,500 more.
        #expect(counts.max().map { $0 <= 2 * 2_000 + 100 } == true, "\(counts)")
        for snapshot in try store.snapshots() {
            #expect(try store.verify(snapshot.record.id).erasedRows == 0)
        }
        try store.verifyRecords()
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }
}
