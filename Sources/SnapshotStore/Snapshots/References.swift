import Records

/// A name that people give a snapshot.
struct Tag: Hashable, Sendable {
    let name: String

    /// Throws: `.badTag` for a name that a reference could not be told from.
    init(_ name: String) throws(StoreError) {
        guard !name.isEmpty, name.utf8.count <= 128 else {
            throw .badTag(name, reason: "1 to 128 bytes")
        }
        let allowed = name.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
                || "-_./+".unicodeScalars
                    .contains($0)
        }
        guard allowed else {
            throw .badTag(name, reason: "letters, digits and - _ . / + only")
        }
        guard name != "head", name != "champion" else {
            throw .badTag(name, reason: "the name has a meaning of its own")
        }
        self.name = name
    }
}

/// A name that the store keeps for a snapshot.
enum ReferenceName: Hashable, Sendable {
    case head, champion
    case tag(Tag)

    var text: String {
        switch self {
        case .head: "head"
        case .champion: "champion"
        case .tag(let tag): "tag/\(tag.name)"
        }
    }

    var key: [UInt8] { Array(text.utf8) }
}

/// From when to when a reference named which snapshot.
public struct ReferenceChange: Sendable, Equatable {
    /// What a change is called that is a return to a snapshot.
    static let rollback = "rollback"
    static let rewind = "rewind"

    /// `champion`, `tag/NAME`, or for a return to the snapshot `rollback` or `rewind`.
    public let name: String
    /// The snapshot's sequence; `nil` when the reference was removed.
    public let sequence: UInt64?
    /// Unit: milliseconds since 1970, wall time.
    public let wallTimeMs: Int64
    /// The store's commit at that time.
    public let at: UInt64

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.string(name)
        writer.optional(sequence) { $0.integer($1) }
        writer.integer(wallTimeMs)
        writer.integer(at)
        return writer.bytes
    }

    init(name: String, sequence: UInt64?, wallTimeMs: Int64, at: UInt64) {
        self.name = name
        self.sequence = sequence
        self.wallTimeMs = wallTimeMs
        self.at = at
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        name = try reader.string()
        sequence = try reader.optional { r throws(ByteCodingError) in try r.integer(UInt64.self) }
        wallTimeMs = try reader.integer()
        at = try reader.integer()
        try reader.finish()
    }
}

extension RecordWriter {
    /// Points a reference at a snapshot, or removes it, and notes when.
    mutating func setReference(
        _ name: ReferenceName, to sequence: UInt64?, wallTimeMs: Int64
    ) throws(StoreError) {
        if let sequence {
            try put(.references, name.key, StoredKey.number(sequence))
        } else {
            try remove(.references, name.key)
        }
        // The head's way is in the snapshots themselves.
        if name == .head { return }
        try append(
            ReferenceChange(
                name: name.text, sequence: sequence, wallTimeMs: wallTimeMs, at: head.sequence))
    }

    mutating func append(_ change: ReferenceChange) throws(StoreError) {
        try put(.history, StoredKey.number(head.nextHistory), change.bytes)
        update { $0.nextHistory += 1 }
    }
}

extension Transaction where Self: ~Copyable {
    func reference(
        _ databases: Databases, _ name: ReferenceName
    ) throws(StoreError) -> UInt64? {
        try record(databases, .references, name.key).flatMap { StoredKey.number(from: $0) }
    }

    /// Tags by the sequence of the snapshot they are on.
    func tags(_ databases: Databases) throws(StoreError) -> [UInt64: [String]] {
        var tags: [UInt64: [String]] = [:]
        try forEachRecord(databases, .references, from: Array("tag/".utf8)) {
            key, value throws(StoreError) in
            let name = String(decoding: key, as: UTF8.self)
            guard name.hasPrefix("tag/") else { return false }
            if let sequence = StoredKey.number(from: value) {
                tags[sequence, default: []].append(String(name.dropFirst(4)))
            }
            return true
        }
        return tags
    }

    func snapshot(
        _ databases: Databases, at sequence: UInt64
    ) throws(StoreError) -> SnapshotRecord? {
        guard let bytes = try record(databases, .snapshots, StoredKey.number(sequence)) else {
            return nil
        }
        return try decoded(.snapshots) { () throws(ByteCodingError) in
            try SnapshotRecord(bytes: bytes)
        }
    }

    func manifest(
        _ databases: Databases, at sequence: UInt64
    ) throws(StoreError) -> Manifest {
        guard let bytes = try record(databases, .manifests, StoredKey.number(sequence)) else {
            throw .damaged(
                path: environment.folder.path, what: "snapshot \(sequence) has no chunk list")
        }
        return try decoded(.manifests) { () throws(ByteCodingError) in
            try Manifest(bytes: bytes)
        }
    }

    /// Visits snapshot records, newest first, until `body` returns false.
    func forEachSnapshotBackward(
        _ databases: Databases, _ body: (SnapshotRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEachRecord(databases, .snapshots, backward: true) { _, value throws(StoreError) in
            try body(
                try decoded(.snapshots) { () throws(ByteCodingError) in
                    try SnapshotRecord(bytes: value)
                })
        }
    }
}
