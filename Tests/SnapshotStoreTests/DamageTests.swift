import Foundation
import Records
import SnapshotStore
import Testing

/// What can happen to a data file, drawn from a seed.
enum Damage: CaseIterable {
    case bits, bytes, zeros, swap, stale, cut, root

    static func apply(_ bytes: [UInt8], _ random: inout SeededRandom) -> (Damage, [UInt8]) {
        var bytes = bytes
        let kind = allCases[Int(random.next() % UInt64(allCases.count))]
        func place(_ span: Int) -> Int { Int(random.next() % UInt64(bytes.count - span)) }
        let pages = bytes.count / 4096
        switch kind {
        case .bits:
            for _ in 0...random.next() % 4 { bytes[place(1)] ^= 1 << UInt8(random.next() % 8) }
        case .bytes:
            for _ in 0..<1 + random.next() % 64 {
                bytes[place(1)] = UInt8(truncatingIfNeeded: random.next())
            }
        case .zeros:
            let start = place(512) / 512 * 512
            for index in start..<start + 512 { bytes[index] = 0 }
        case .swap, .stale:
            // Two pages exchanged, or one in place of the other.
            let (a, b) = (Int(random.next() % UInt64(pages)), Int(random.next() % UInt64(pages)))
            for index in 0..<4096 {
                if kind == .swap {
                    bytes.swapAt(a * 4096 + index, b * 4096 + index)
                } else {
                    bytes[a * 4096 + index] = bytes[b * 4096 + index]
                }
            }
        case .cut: bytes.removeLast(1 + place(1))
        case .root:
            // Within what is in use of the two root pages.
            let at = Int(random.next() % 2) * 4096 + Int(random.next() % 152)
            bytes[at] = UInt8(truncatingIfNeeded: random.next())
        }
        return (kind, bytes)
    }
}

@Suite struct DamageTests {
    @Test(
        "whatever is damaged, the store says so or gives what was written, and the process lives",
        arguments: 1...UInt64(2 * roundsFactor))
    func seededDamage(seed: UInt64) async throws {
        // In a process of its own: should LMDB kill it, the test fails and the others go on.
        await #expect(processExitsWith: .success) { [seed = seed as UInt64] in
            let folder = ScratchFolder()
            var stream = CommitStream(seed: seed)
            var store = try folder.open()
            // Rows that only their owners' keys open, and what they hold in the end.
            let sealed = StateTable("shoppers", .keyed, keys: .owner)
            var secrets: [RowOwner: [UInt8]] = [:]
            for step in 0..<40 {
                var commit = stream.next(rows: 40)
                for number in 0..<6 where (step + number) % 3 == 0 {
                    let owner = RowOwner(user: "user \(number)")
                    secrets[owner] = stream.bytes(number == 5 ? 6_000 : 90)
                    commit.changes.put(sealed, owner.bytes, secrets[owner] ?? [], owner: owner)
                    commit.outbox[0].owner = owner
                }
                if step % 8 == 0 { commit.snapshot = .at(minute: step) }
                try store.commit(commit, sync: false)
            }
            try store.prune(Retention(latest: 3, hourly: 0, daily: 0))
            try store.close()
            let sound = [UInt8](try Data(contentsOf: URL(filePath: folder.data)))
            var random = SeededRandom(seed: seed)
            var refused = 0
            for round in 0..<250 {
                let (kind, damaged) = Damage.apply(sound, &random)
                try Data(damaged).write(to: URL(filePath: folder.data))
                do {
                    store = try folder.open(mode: round % 2 == 0 ? .readWrite : .readOnly)
                } catch let error as StoreError {
                    guard case .damaged = error else {
                        Issue.record("seed \(seed), round \(round), \(kind): \(error)")
                        continue
                    }
                    refused += 1
                    continue
                }
                // The damage fell on what nobody uses: everything must be there, and go on.
                try stream.expectHead(of: store)
                try store.withHead { state in
                    for (owner, secret) in secrets {
                        let found = try state.value(sealed, owner.bytes)
                        #expect(found == secret)
                    }
                }
                #expect(try store.outbox(limit: 100).count == 40)
                for listing in try store.snapshots() { _ = try store.verify(listing.record.id) }
                if round % 2 == 0 {
                    var onwards = stream
                    try store.commit(onwards.next())
                    try onwards.expectHead(of: store)
                }
                try store.close()
                _ = try StoreCheck.run(folder.path)
            }
            #expect(refused > 50, "only \(refused) of 250 damages fell on pages in use")
        }
    }

    @Test("a file cut to any length is refused with a message")
    func truncated() throws {
        let folder = ScratchFolder()
        var stream = CommitStream(seed: 3)
        let store = try folder.open()
        for _ in 0..<10 { try store.commit(stream.next()) }
        try store.close()
        let sound = [UInt8](try Data(contentsOf: URL(filePath: folder.data)))
        for count in [0, 1, 100, 4_096, 8_191, 8_192, sound.count / 2, sound.count - 4_096] {
            try Data(sound[..<count]).write(to: URL(filePath: folder.data))
            for mode in [SnapshotStore.Mode.readOnly, .readWrite] {
                let found = #expect(throws: StoreError.self, "\(count) bytes") {
                    try folder.open(mode: mode)
                }
                guard case .damaged(folder.path, _) = found else {
                    Issue.record("\(count) bytes: \(String(describing: found))")
                    continue
                }
            }
        }
    }

    @Test("a file of noise is refused with a message", arguments: [1, 2, 3, 4] as [UInt64])
    func noise(seed: UInt64) throws {
        let folder = ScratchFolder()
        try folder.open().close()
        var random = SeededRandom(seed: seed)
        let noise = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        try Data(noise).write(to: URL(filePath: folder.data))
        let found = #expect(throws: StoreError.self) { try folder.open() }
        guard case .damaged = found else {
            Issue.record("\(String(describing: found))")
            return
        }
    }

    @Test("a file cut short under an open store ends the process with 65, not with a crash")
    func damageWhileOpen() async throws {
        let folder = ScratchFolder()
        let path = folder.path
        await #expect(processExitsWith: .exitCode(65)) { [path = path as String] in
            DamageExit.install()
            var stream = CommitStream(seed: 4)
            let store = try SnapshotStore.open(
                path: path, mode: .readWrite, identity: testIdentity)
            for _ in 0..<20 { try store.commit(stream.next()) }
            try FileHandle(forWritingTo: URL(filePath: path + "/data.mdb")).truncate(
                atOffset: 8_192)
            try stream.expectHead(of: store)
        }
    }
}
