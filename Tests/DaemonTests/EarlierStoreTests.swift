import Daemon
import Foundation
import Records
import SnapshotStore
import TestSupport
import Testing

@Suite struct EarlierStoreTests {
    /// A store that an earlier version wrote.
    private func old(_ scratch: Scratch, _ name: String = "format-1") throws -> String {
        let packed = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../SnapshotStoreTests/Fixtures/\(name).mdb.gz")
            .standardizedFileURL.path
        let folder = scratch.path + "/old"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try PackedFile(packed).unpack(to: folder + "/data.mdb")
        return folder
    }

    @Test(
        "a store that 0.1.0 learned is not learned on: refused with a message, and not a byte of it changed"
    )
    func refused() throws {
        let scratch = try Scratch()
        let store = try old(scratch)
        var shop = ShopStream(seed: 81)
        let log = try scratch.log(shop.next(50))
        let before = try Data(contentsOf: URL(filePath: store + "/data.mdb"))
        do {
            _ = try Replay(
                try ShopStream.configuration(), events: [log], catalog: nil, store: store
            ).run()
            Issue.record("it was learned on")
        } catch {
            #expect(error is EarlierStateError && FailureKind(error) == .badData, "\(error)")
            #expect("\(error)".contains("0.1.0") && "\(error)".contains(store))
        }
        #expect(try Data(contentsOf: URL(filePath: store + "/data.mdb")) == before)
        // Brought to the present format by another command, it still says where it is from.
        let opened = try SnapshotStore.open(path: store, mode: .readWrite)
        #expect(try opened.status().migratedAt == opened.status().sequence)
        try opened.close()
    }

    @Test(
        "what the version before learned, in a store of format 2, is read as it is and learned on")
    func learnedOn() throws {
        let scratch = try Scratch()
        let path = try old(scratch, "learned-format-2")
        let before = try SnapshotStore.open(path: path, mode: .readOnly)
        let state = "2c386f4caef4763abdcf7731246043e642ece021188098ad601320b515407590"
        #expect(before.identity.format == 2)
        #expect(try before.status().stateDigest.hex == state)
        try before.close()
        var shop = ShopStream(seed: 81)
        let catalog = try scratch.log(shop.next(ShopStream.items), "catalog.jsonl")
        let log = try scratch.log(shop.next(300))
        let report = try Replay(
            try ShopStream.configuration(), events: [log], catalog: catalog, store: path
        ).run()
        #expect(report.events.accepted > 600 && report.stateSHA256 != state)
        let after = try SnapshotStore.open(path: path, mode: .readOnly)
        #expect(after.identity.format == StoreIdentity.formatVersion)
        for listing in try after.snapshots() { _ = try after.verify(listing.record.id) }
        try after.verifyRecords()
    }
}
