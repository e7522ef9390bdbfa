import Daemon
import Engine
import SnapshotStore

/// Any bytes as each kind of record that a store keeps: read, or refused with a reason.
///
/// The first byte chooses the kind, the others are the record.
enum StoreRecordsTarget: FuzzTarget {
    static let name = "store-records"

    private static let (store, daemon, engine) = (
        RecordKind.allCases, DaemonRecordKind.allCases, EngineRowKind.allCases
    )
    private static let kindCount = store.count + daemon.count + engine.count

    private static func read(_ kind: Int, _ bytes: [UInt8]) throws {
        if kind < store.count {
            try store[kind].read(bytes)
        } else if kind < store.count + daemon.count {
            try daemon[kind - store.count].read(bytes)
        } else {
            try engine[kind - store.count - daemon.count].read(bytes)
        }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let bytes = unsafe [UInt8](bytes)
        guard let first = bytes.first else { return }
        try? read(Int(first) % kindCount, Array(bytes.dropFirst()))
    }

    static let seeds: [[UInt8]] =
        (0..<UInt8(kindCount)).map { [$0] + [UInt8](repeating: 0, count: 64) }
        + DaemonRecordKind.journalSeeds.map { [UInt8(store.count)] + $0 }
        + engine.enumerated().compactMap { index, kind in
            kind.seed.map {
                [UInt8(store.count + daemon.count + index)] + $0
            }
        }
}
