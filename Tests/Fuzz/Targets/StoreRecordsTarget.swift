import Daemon
import Engine
import SnapshotStore

/// Any bytes as each kind of record that a store keeps: read, or refused with a reason.
///
/// The first byte chooses the kind, the others are the record.
enum StoreRecordsTarget: FuzzTarget {
    static let name = "store-records"

    private static let readers: [([UInt8]) throws -> Void] =
        RecordKind.allCases.map { kind in { try kind.read($0) } }
        + DaemonRecordKind.allCases.map { kind in { try kind.read($0) } }
        + EngineRowKind.allCases.map { kind in { try kind.read($0) } }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let bytes = unsafe [UInt8](bytes)
        guard let first = bytes.first else { return }
        try? readers[Int(first) % readers.count](Array(bytes.dropFirst()))
    }

    static let seeds: [[UInt8]] =
        (0..<UInt8(readers.count)).map { [$0] + [UInt8](repeating: 0, count: 64) }
        + DaemonRecordKind.journalSeeds.map { [UInt8(RecordKind.allCases.count)] + $0 }
        + EngineRowKind.allCases.enumerated().compactMap { index, kind in
            kind.seed.map {
                [UInt8(RecordKind.allCases.count + DaemonRecordKind.allCases.count + index)] + $0
            }
        }
}
