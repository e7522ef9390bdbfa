import Records

extension Transaction where Self: ~Copyable {
    /// The snapshot that a reference means.
    ///
    /// A reference is `head`, `champion`, `@TIME`, `offset:TOPIC:PARTITION:N`, an id, a tag or a
    /// unique prefix of an id (4 digits at least), in this order; `~n` behind it goes back to the
    /// n-th ancestor.
    /// Throws: `.unknownReference` with the nearest names, `.ambiguousReference`, `.badReference`.
    func resolve(_ databases: Databases, _ text: String) throws(StoreError) -> SnapshotRecord {
        guard let tilde = text.lastIndex(of: "~") else { return try origin(databases, text) }
        let steps = text[text.index(after: tilde)...]
        guard let count = steps.isEmpty ? 1 : Int(steps), count >= 0 else {
            throw .badReference(text, reason: "a number of steps back must follow the ~")
        }
        var record = try origin(databases, String(text[..<tilde]))
        for step in 0..<count {
            guard let parent = record.parent else {
                throw .badReference(text, reason: "\(record.id) is the first, \(step) steps back")
            }
            guard let next = try snapshot(databases, id: parent) else {
                throw .badReference(
                    text, reason: "\(parent), the parent of \(record.id), has been pruned")
            }
            record = next
        }
        return record
    }

    private func origin(
        _ databases: Databases, _ text: String
    ) throws(StoreError) -> SnapshotRecord {
        if text == "head" || text == "champion" {
            let name: ReferenceName = text == "head" ? .head : .champion
            guard let sequence = try reference(databases, name) else {
                throw .badReference(text, reason: "the store has no \(text) yet")
            }
            return try require(databases, sequence)
        }
        if text.hasPrefix("@") { return try liveAt(databases, text) }
        if text.hasPrefix("offset:") { return try before(databases, text) }
        if let record = try snapshot(databases, id: text) { return record }
        if let tag = try? Tag(text), let sequence = try reference(databases, .tag(tag)) {
            return try require(databases, sequence)
        }
        return try unique(databases, prefix: text)
    }

    private func require(
        _ databases: Databases, _ sequence: UInt64
    ) throws(StoreError) -> SnapshotRecord {
        guard let record = try snapshot(databases, at: sequence) else {
            throw .damaged(
                path: environment.folder.path, what: "a reference names a snapshot that is gone")
        }
        return record
    }

    func snapshot(_ databases: Databases, id: String) throws(StoreError) -> SnapshotRecord? {
        let key = Array(id.utf8)
        guard key.count == 16, let value = try record(databases, .snapshotIDs, key),
            let sequence = StoredKey.number(from: value)
        else { return nil }
        return try snapshot(databases, at: sequence)
    }

    /// The newest snapshot taken at that time or before it.
    private func liveAt(
        _ databases: Databases, _ text: String
    ) throws(StoreError) -> SnapshotRecord {
        guard let time = Timestamp.milliseconds(String(text.dropFirst())) else {
            throw .badReference(text, reason: "a time like @2026-11-23T12:00:00Z is expected")
        }
        var found: SnapshotRecord?
        var oldest: SnapshotRecord?
        try forEachSnapshotBackward(databases) { record in
            if record.cause == .imported { return true }
            oldest = record
            if record.createdMs <= time { found = record }
            return found == nil
        }
        if let found { return found }
        guard let oldest else { throw .badReference(text, reason: "the store has no snapshots") }
        throw .badReference(
            text, reason: "the oldest snapshot was taken at \(Timestamp.text(ms: oldest.createdMs))"
        )
    }

    /// The newest snapshot that has not learned the record at that offset.
    private func before(
        _ databases: Databases, _ text: String
    ) throws(StoreError) -> SnapshotRecord {
        let parts = text.dropFirst("offset:".count).split(
            separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, let offset = Int64(parts[parts.count - 1]), offset >= 0,
            let partition = Int32(parts[parts.count - 2])
        else { throw .badReference(text, reason: "offset:TOPIC:PARTITION:N is expected") }
        let topic = parts.dropLast(2).joined(separator: ":")
        let position = TopicPartition(topic: topic, partition: partition)
        var found: SnapshotRecord?
        var isKnown = false
        try forEachSnapshotBackward(databases) { record in
            if record.cause == .imported { return true }
            let next = record.offsets.first {
                $0.position == position && $0.cluster == record.cluster
            }?.next
            isKnown = isKnown || next != nil
            if (next ?? 0) <= offset { found = record }
            return found == nil
        }
        if !isKnown {
            // What was learned since the newest snapshot counts as well.
            try forEachRecord(databases, .offsets) { key, _ in
                isKnown = OffsetRecord.parse(key)?.position == position
                return !isKnown
            }
        }
        guard isKnown || found == nil else {
            throw .badReference(text, reason: "nothing was learned of partition \(position)")
        }
        guard let found else {
            throw .badReference(text, reason: "every snapshot kept has learned that offset")
        }
        return found
    }

    private func unique(
        _ databases: Databases, prefix: String
    ) throws(StoreError) -> SnapshotRecord {
        var candidates: [String] = []
        if prefix.utf8.count >= 4 {
            try forEachRecord(databases, .snapshotIDs, from: Array(prefix.utf8)) { key, _ in
                let id = String(decoding: key, as: UTF8.self)
                guard id.hasPrefix(prefix), candidates.count < 10 else { return false }
                candidates.append(id)
                return true
            }
        }
        if candidates.count > 1 { throw .ambiguousReference(prefix, candidates: candidates) }
        if let only = candidates.first, let record = try snapshot(databases, id: only) {
            return record
        }
        throw .unknownReference(prefix, nearest: try nearest(databases, prefix))
    }

    /// Up to three names that differ little from `text`.
    private func nearest(_ databases: Databases, _ text: String) throws(StoreError) -> [String] {
        var names = ["head", "champion"]
        names += try tags(databases).values.joined().sorted()
        var seen = 0
        try forEachSnapshotBackward(databases) { record in
            names.append(record.id)
            seen += 1
            return seen < 200
        }
        let scored = names.map { name in
            // An id is meant by its first digits.
            (name, editDistance(text, name.count == 16 ? String(name.prefix(text.count)) : name))
        }
        return scored.filter { $0.1 <= max(1, text.count / 3) }.sorted { $0.1 < $1.1 }.prefix(3)
            .map(\.0)
    }
}

/// Levenshtein's distance.
private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.prefix(64)), Array(b.prefix(64)))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
            diagonal = above
        }
    }
    return row[b.count]
}

extension SnapshotStore {
    /// The snapshot that a reference means.
    ///
    /// Throws: `.unknownReference` with the nearest names, `.ambiguousReference`, `.badReference`.
    public func resolve(_ reference: String) throws(StoreError) -> SnapshotRecord {
        try withRead { transaction, databases throws(StoreError) in
            try transaction.resolve(databases, reference)
        }
    }
}
