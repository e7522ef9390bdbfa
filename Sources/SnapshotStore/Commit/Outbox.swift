import Records

/// A message to publish: kept from the commit that decided it until its delivery is known.
public struct OutboxMessage: Sendable, Equatable {
    /// Its number; consecutive, never used again, also after a rollback. Given by the store.
    public internal(set) var sequence: UInt64 = 0
    public var topic: String
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var headers: [Header]

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: [UInt8]

        public init(name: String, value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    public init(topic: String, key: [UInt8]?, value: [UInt8]?, headers: [Header] = []) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
    }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 64 + (key?.count ?? 0) + (value?.count ?? 0))
        writer.string(topic)
        writer.optional(key) { $0.data($1) }
        writer.optional(value) { $0.data($1) }
        writer.array(headers) { writer, header in
            writer.string(header.name)
            writer.data(header.value)
        }
        return writer.bytes
    }

    init(sequence: UInt64, bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        self.sequence = sequence
        topic = try reader.string()
        key = try reader.optional { r throws(ByteCodingError) in try r.data() }
        value = try reader.optional { r throws(ByteCodingError) in try r.data() }
        headers = try reader.array { r throws(ByteCodingError) in
            Header(name: try r.string(), value: try r.data())
        }
        try reader.finish()
    }
}

extension SnapshotStore {
    /// Undelivered messages in order, from number `first` on, at most `limit`.
    public func outbox(
        from first: UInt64 = 0, limit: Int
    ) throws(StoreError) -> [OutboxMessage] {
        try withRead { transaction, databases throws(StoreError) in
            var messages: [OutboxMessage] = []
            guard limit > 0 else { return messages }
            try transaction.forEachRecord(databases, .outbox, from: StoredKey.number(first)) {
                key, value throws(StoreError) in
                messages.append(
                    try transaction.decoded(.outbox) { () throws(ByteCodingError) in
                        try OutboxMessage(sequence: StoredKey.number(from: key) ?? 0, bytes: value)
                    })
                return messages.count < limit
            }
            return messages
        }
    }

    /// Messages that wait for their delivery.
    public func outboxCount() throws(StoreError) -> Int {
        try withRead { transaction, databases throws(StoreError) in
            try transaction.count(databases[.outbox])
        }
    }

    /// Removes messages whose delivery is known, outside of a commit.
    public func removeOutbox(
        through sequence: UInt64, sync: Bool = true
    ) throws(StoreError) {
        try withWriter(sync: sync) { records throws(StoreError) in
            try records.removeOutbox(through: sequence)
        }
    }

    /// Goes on as if all messages before number `next` had been made and delivered.
    public func skipOutbox(to next: UInt64) throws(StoreError) {
        guard next > 0 else { return }
        try withWriter { records throws(StoreError) in
            try records.removeOutbox(through: next - 1)
            records.update { $0.nextOutbox = max($0.nextOutbox, next) }
        }
    }
}

extension RecordWriter {
    mutating func appendOutbox(_ messages: [OutboxMessage]) throws(StoreError) -> Range<UInt64> {
        let first = head.nextOutbox
        for (index, message) in messages.enumerated() {
            try put(.outbox, StoredKey.number(first + UInt64(index)), message.bytes)
        }
        update { $0.nextOutbox += UInt64(messages.count) }
        return first..<first + UInt64(messages.count)
    }

    mutating func removeOutbox(through last: UInt64) throws(StoreError) {
        while let key = try oldestKey(.outbox) {
            guard let number = StoredKey.number(from: key), number <= last else { return }
            try remove(.outbox, key)
        }
    }
}
