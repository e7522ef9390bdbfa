import Records

extension SnapshotStore {
    /// Puts a tag on a snapshot, which then stays until the tag goes.
    ///
    /// Throws: `.tagTaken` when the tag is on another snapshot.
    public func tag(
        _ reference: String, as name: String, who: String, wallTimeMs: Int64
    ) throws(StoreError) {
        let tag = try Tag(name)
        try withWriter { records throws(StoreError) in
            let databases = records.databases
            let (target, holder) = try records.read { transaction throws(StoreError) in
                let target = try transaction.resolve(databases, reference)
                let taken = try transaction.reference(databases, .tag(tag))
                guard let taken, taken != target.sequence else {
                    return (target, nil as String?)
                }
                return (target, try transaction.snapshot(databases, at: taken)?.id)
            }
            if let holder { throw .tagTaken(name, by: holder) }
            try records.setReference(.tag(tag), to: target.sequence, wallTimeMs: wallTimeMs)
            try records.append(
                AuditEntry(
                    wallTimeMs: wallTimeMs, who: who, action: "tag",
                    reason: "\(name) on \(target.id)"))
        }
    }

    /// Throws: for a name that can be no tag, and `.tagTaken` for one that is on a snapshot.
    public func requireFreeTag(_ name: String) throws(StoreError) {
        let tag = try Tag(name)
        try withWriter { records throws(StoreError) in
            let databases = records.databases
            let holder = try records.read { transaction throws(StoreError) -> String? in
                guard let taken = try transaction.reference(databases, .tag(tag)) else {
                    return nil
                }
                return try transaction.snapshot(databases, at: taken)?.id ?? ""
            }
            if let holder { throw .tagTaken(name, by: holder) }
        }
    }

    /// Takes a tag away. Throws: `.unknownReference` when there is no such tag.
    public func untag(_ name: String, who: String, wallTimeMs: Int64) throws(StoreError) {
        let tag = try Tag(name)
        try withWriter { records throws(StoreError) in
            let databases = records.databases
            let names = try records.read { transaction throws(StoreError) in
                try transaction.tags(databases).values.joined().sorted()
            }
            guard names.contains(name) else {
                throw .unknownReference("tag \(name)", nearest: Array(names.prefix(3)))
            }
            try records.setReference(.tag(tag), to: nil, wallTimeMs: wallTimeMs)
            try records.append(
                AuditEntry(wallTimeMs: wallTimeMs, who: who, action: "untag", reason: name))
        }
    }

    /// Makes a snapshot the champion.
    public func promote(
        _ reference: String, who: String, reason: String, wallTimeMs: Int64
    ) throws(StoreError) {
        try withWriter { records throws(StoreError) in
            let databases = records.databases
            let target = try records.read { transaction throws(StoreError) in
                try transaction.resolve(databases, reference)
            }
            try records.setReference(.champion, to: target.sequence, wallTimeMs: wallTimeMs)
            try records.append(
                AuditEntry(
                    wallTimeMs: wallTimeMs, who: who, action: "promote",
                    reason: "\(target.id): \(reason)"))
        }
    }
}
