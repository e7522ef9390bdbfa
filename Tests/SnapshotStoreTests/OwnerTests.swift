import CCrashPoints
import Foundation
import Records
import SnapshotStore
import Testing

private let shoppers = StateTable("shoppers", .keyed, keys: .owner)
private let replay = StateTable("replay", .keyed)
private let pages = StateTable("pages", .weights)
private let erased = StateTable("erased", .ledger, keys: .blinded)

private func owner(_ number: Int) -> RowOwner { RowOwner(user: "user \(number)") }

/// What a row says of a user: words that a search of the file would find.
private func secret(_ number: Int, _ step: Int) -> [UInt8] {
    Array("the secret of user \(number) at step \(step), in plain words".utf8)
}

/// Rows of twenty users in every kind of table, and a message for each.
private func commit(_ step: Int, users: Range<Int> = 0..<20) -> Commit {
    var commit = Commit()
    for user in users {
        let owner = owner(user)
        commit.changes.put(shoppers, owner.bytes, secret(user, step), owner: owner)
        commit.changes.put(
            replay, [UInt8(step), UInt8(user)], secret(user, step), owner: owner)
        commit.changes.put(pages, [UInt8(user)], secret(user, step), owner: owner)
        commit.outbox.append(
            OutboxMessage(
                topic: "out", key: Array("user \(user)".utf8), value: secret(user, step),
                owner: owner))
    }
    commit.changes.put(replay, [255], Array("about nobody, step \(step)".utf8))
    commit.eventTimeMs = Int64(step) * 1_000
    return commit
}

/// What an engine puts into the commit that erases a user.
private func erasure(_ user: Int, steps: Range<Int>) -> Commit {
    var commit = Commit()
    commit.changes.erase(owner(user))
    commit.changes.put(erased, owner(user).bytes, [1])
    commit.changes.remove(shoppers, owner(user).bytes)
    for step in steps { commit.changes.remove(replay, [UInt8(step), UInt8(user)]) }
    commit.changes.remove(pages, [UInt8(user)])
    return commit
}

// Inside the closures a state is lent to, the testing macros cannot throw.

private func rows(_ table: StateTable, _ state: StoredState) throws -> [[UInt8]: [UInt8]] {
    var rows: [[UInt8]: [UInt8]] = [:]
    try state.forEach(table) { rows[$0] = $1 }
    return rows
}

private func expect(
    _ table: StateTable, _ key: [UInt8], _ value: [UInt8]?, in state: StoredState,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let found = try state.value(table, key)
    #expect(found == value, sourceLocation: sourceLocation)
}

private func expectListed(
    _ table: StateTable, _ key: [UInt8], _ value: [UInt8], in state: StoredState,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let found = try rows(table, state)[key]
    #expect(found == value, sourceLocation: sourceLocation)
}

private func expectCount(
    _ count: Int, of table: StateTable, in state: StoredState,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let found = try rows(table, state).count
    #expect(found == count, sourceLocation: sourceLocation)
}

@Suite struct OwnerTests {
    /// Whether the store's files hold the bytes anywhere, in use or not.
    private func files(of folder: ScratchFolder, hold bytes: [UInt8]) throws -> Bool {
        try Data(contentsOf: URL(filePath: folder.data)).range(of: Data(bytes)) != nil
    }

    @Test("rows about users come back as they were put, and none of it lies in the file in plain")
    func roundTrip() throws {
        let folder = ScratchFolder()
        var store = try folder.open()
        for step in 0..<3 { try store.commit(commit(step)) }
        var last = commit(3)
        last.snapshot = .at(minute: 1, isWhole: true)
        let record = try #require(try store.commit(last).snapshot)
        try store.close()
        #expect(try !files(of: folder, hold: Array("the secret of".utf8)))
        #expect(try !files(of: folder, hold: owner(3).bytes + [0]))
        #expect(try files(of: folder, hold: Array("about nobody, step 2".utf8)))
        _ = try StoreCheck.run(folder.path)
        store = try folder.open()
        for view in 0..<2 {
            let check: (StoredState) throws -> Void = { state in
                for user in 0..<20 {
                    try expect(shoppers, owner(user).bytes, secret(user, 3), in: state)
                }
                try expect(shoppers, owner(99).bytes, nil, in: state)
                try expectListed(shoppers, owner(7).bytes, secret(7, 3), in: state)
                try expectCount(20, of: shoppers, in: state)
                try expectCount(81, of: replay, in: state)
                try expect(replay, [2, 5], secret(5, 2), in: state)
                try expectListed(pages, [11], secret(11, 3), in: state)
            }
            if view == 0 {
                try store.withHead(check)
            } else {
                try store.withSnapshot(record.id) { try check($1) }
            }
        }
        let message = try store.outbox(limit: 100)[7]
        #expect(message.value == secret(7, 0) && message.owner == owner(7))
        #expect(message.key == Array("user 7".utf8))
        try store.verifyRecords()
        #expect(try store.verify(record.id).erasedRows == 0)
    }

    @Test("the state's digest says what was learned, whatever the keys are")
    func digest() throws {
        let folders = [ScratchFolder(), ScratchFolder()]
        defer { withExtendedLifetime(folders) {} }
        let stores = try folders.map { try $0.open() }
        for step in 0..<4 {
            let infos = try stores.map { try $0.commit(commit(step)) }
            #expect(infos[0].stateDigest == infos[1].stateDigest)
            #expect(infos[0].weightsDigest == infos[1].weightsDigest)
            let again = try stores[0].commit(commit(step))
            #expect(again.stateDigest == infos[0].stateDigest)
        }
    }

    @Test("a row that is put as it was is not written again, and one that changes hands is")
    func unchanged() throws {
        let folder = ScratchFolder()
        defer { withExtendedLifetime(folder) {} }
        let store = try folder.open()
        var first = Commit()
        first.changes.put(replay, [1], [1, 2, 3], owner: owner(1))
        try store.commit(first)
        #expect(try store.commit(first).recordsUnchanged == 1)
        var other = Commit()
        other.changes.put(replay, [1], [1, 2, 3], owner: owner(2))
        #expect(try store.commit(other).recordsUnchanged == 0)
        var nobody = Commit()
        nobody.changes.put(replay, [1], [1, 2, 3])
        #expect(try store.commit(nobody).recordsUnchanged == 0)
        try store.withHead { try expect(replay, [1], [1, 2, 3], in: $0) }
    }

    @Test(
        "an erasure takes a user out of head, snapshots, undo records and outbox, and no one else")
    func erases() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var before = commit(0)
        before.snapshot = .at(minute: 0, tags: ["before"], isWhole: true)
        try store.commit(before)
        var middle = commit(1)
        middle.snapshot = .at(minute: 1, tags: ["light"])
        try store.commit(middle)
        try store.commit(commit(2))
        let info = try store.commit(erasure(4, steps: 0..<3))
        #expect(try store.status().lastErasure == info.sequence)
        try store.withHead { state in
            try expectCount(19, of: shoppers, in: state)
            try expect(shoppers, owner(4).bytes, nil, in: state)
            try expect(erased, owner(4).bytes, [1], in: state)
            try expect(erased, owner(5).bytes, nil, in: state)
        }
        #expect(try store.outbox(limit: 100).count == 57)
        try store.verifyRecords()
        try store.withSnapshot("before") { _, state in
            try expectCount(19, of: shoppers, in: state)
            try expectCount(20, of: replay, in: state)
            try expect(replay, [0, 4], nil, in: state)
            try expect(replay, [0, 5], secret(5, 0), in: state)
        }
        #expect(try store.verify("before").erasedRows == 3)
        #expect(try store.verify("light").erasedRows == 1)

        // Back into the past by undo records and by a whole snapshot: the others are there again.
        for reference in ["light", "before"] {
            let plan = try store.planRollback(to: reference, rewind: true)
            #expect(plan.erasedRows > 0)
            try store.rewind(to: reference, reason: "test", who: "test", wallTimeMs: 0)
            let step = reference == "light" ? 1 : 0
            try store.withHead { state in
                try expectCount(19, of: shoppers, in: state)
                try expect(shoppers, owner(5).bytes, secret(5, step), in: state)
                try expectCount(19, of: pages, in: state)
                try expect(erased, owner(4).bytes, [1], in: state)
            }
            try store.verifyRecords()
        }
        try store.rollback(to: "light", reason: "test", who: "test", wallTimeMs: 0)
        try store.withHead { try expectListed(pages, [5], secret(5, 1), in: $0) }
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }

    @Test("who comes back after an erasure, in the same commit even, is a new acquaintance")
    func comesBack() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var before = commit(0)
        before.snapshot = .at(minute: 0, isWhole: true)
        let record = try #require(try store.commit(before).snapshot)
        var both = erasure(4, steps: 0..<1)
        both.changes.put(shoppers, owner(4).bytes, secret(4, 9), owner: owner(4))
        both.changes.put(replay, [0, 4], secret(4, 9), owner: owner(4))
        try store.commit(both)
        for _ in 0..<2 {
            try store.withHead { state in
                try expect(shoppers, owner(4).bytes, secret(4, 9), in: state)
                try expect(replay, [0, 4], secret(4, 9), in: state)
                try expect(pages, [4], nil, in: state)
            }
            try store.withSnapshot(record.id) { _, state in
                try expect(shoppers, owner(4).bytes, nil, in: state)
                try expect(replay, [0, 4], nil, in: state)
            }
            try store.verifyRecords()
            // A second erasure reaches the new key alone.
            try store.commit(both)
        }
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }

    @Test("a commit that fails makes nobody known")
    func failedCommit() throws {
        let folder = ScratchFolder()
        defer { withExtendedLifetime(folder) {} }
        let store = try folder.open()
        var failing = commit(0)
        failing.changes.put(replay, [UInt8](repeating: 1, count: 600), [1], owner: owner(50))
        #expect(throws: StoreError.self) { try store.commit(failing) }
        try store.commit(commit(1, users: 10..<12))
        try store.withHead { state in
            try expectCount(2, of: shoppers, in: state)
            try expect(shoppers, owner(11).bytes, secret(11, 1), in: state)
        }
        try store.verifyRecords()
    }
}

@Suite struct MigrationTests {
    /// A store that version 0.1.0 wrote: six commits with rows of ten shoppers, two snapshots.
    private func old() throws -> ScratchFolder { try ScratchFolder(holding: "format-1.mdb") }

    private func values(_ store: SnapshotStore) throws {
        try store.withHead { state in
            for user in 0..<10 {
                // Step 5 put all but every third, of which step 4 put the last.
                let step = (user + 5) % 3 != 0 ? 5 : 4
                #expect(
                    try state.value(shoppers, owner(user).bytes)
                        == Array("shopper \(user) at \(step)".utf8))
            }
            try expect(spend, Array("spent".utf8), Array("5".utf8), in: state)
            try expect(replay, [5, 2], Array("example of user 2".utf8), in: state)
        }
        #expect(
            try store.outbox(limit: 10).map(\.value) == (0..<6).map { Array("offer \($0)".utf8) })
        #expect(try store.journal(from: 0).count == 6)
    }

    @Test(
        "a store of format 1 opens for writing with all it held, and is of the present format then")
    func migrates() throws {
        let folder = try old()
        #expect(
            throws: StoreError.olderFormat(
                path: folder.path, found: 1, known: StoreIdentity.formatVersion)
        ) { try folder.open(mode: .readOnly) }
        var store = try folder.open()
        #expect(store.identity.format == StoreIdentity.formatVersion)
        #expect(store.identity.id == testIdentity.id)
        #expect(
            try store.status().stateDigest.hex
                == "895914577e79b48fd7ae952bf88b75629d81708bb349387ad8e6c213b52a595c")
        try values(store)
        _ = try store.verify("whole")
        try store.verifyRecords()
        #expect(try store.snapshot("champion").isRewindable == false)
        // The whole snapshot has its rows under the keys of format 1.
        try store.withSnapshot("whole") { _, state in
            try expect(replay, [2, 2], Array("example of user 2".utf8), in: state)
        }
        var next = commit(9, users: 0..<2)
        next.snapshot = .at(minute: 9, isWhole: true)
        try store.commit(next)
        try store.close()
        _ = try StoreCheck.run(folder.path)
        store = try folder.open(mode: .readOnly)
        try store.withHead { state in
            try expect(shoppers, owner(1).bytes, secret(1, 9), in: state)
            let other = try state.value(shoppers, owner(5).bytes)
            #expect(other != nil)
        }
    }

    @Test(
        "a power failure while a store is brought to the present format leaves it in one of the two"
    )
    func powerFailure() throws {
        let folder = try old()
        let before = ["data.mdb": [UInt8](try Data(contentsOf: URL(filePath: folder.data)))]
        var disk = RecordedDisk(before)
        let path = URL(filePath: folder.path).resolvingSymlinksInPath().path
        let recording = try FileRecording(path, names: disk.names) {
            try SnapshotStore.open(path: path, mode: .readWrite).close()
        }
        var random = SeededRandom(seed: 8)
        var states = 0
        func fail() throws {
            for round in 0..<12 {
                let share = [0, 0.5, 0.9, 1][round % 4]
                let fates = disk.pending.map { _ -> RecordedDisk.Fate in
                    if random.unit() < share { return .kept }
                    return random.next() % 3 == 0
                        ? .torn(sectors: UInt8(truncatingIfNeeded: random.next())) : .lost
                }
                let files = disk.afterFailure { fates[$0] }
                let left = ScratchFolder()
                try FileManager.default.createDirectory(
                    atPath: left.path, withIntermediateDirectories: true)
                for (name, bytes) in files {
                    try Data(bytes).write(to: URL(filePath: left.path + "/" + name))
                }
                let store = try left.open()
                try values(store)
                #expect(store.identity.format == StoreIdentity.formatVersion)
                try store.verifyRecords()
                try store.close()
                _ = try StoreCheck.run(left.path)
                states += 1
            }
        }
        for call in recording.calls {
            disk.begin(call)
            switch call {
            case .sync, .syncFolder, .write(_, _, _, true): try fail()
            default: break
            }
            disk.finish(call)
        }
        #expect(states > 20)
    }

    @Test(
        "killed at any call while it is brought to the present format, a store goes on from there")
    func killed() async throws {
        var wasKilled = 0
        for call in 1...12 {
            let folder = try old()
            let path = folder.path
            let after = call % 2
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, call = call as Int, after = after as Int] in
                crash_point_arm(
                    call > 8 ? CRASH_IN_STORE_SYNC : CRASH_IN_STORE_WRITE,
                    call > 8 ? 1 : (call + 1) / 2, Int32(after))
                try SnapshotStore.open(path: path, mode: .readWrite).close()
                // Fewer calls than that are made: it is over.
                kill(getpid(), SIGKILL)
            }
            let store = try folder.open()
            try values(store)
            try store.verifyRecords()
            try store.close()
            wasKilled += 1
        }
        #expect(wasKilled == 12)
    }
}
