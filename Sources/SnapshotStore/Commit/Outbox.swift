import Records

/// A message to publish: kept from the commit that decided it until its delivery is known.
public struct OutboxMessage: Sendable, Equatable {
    /// Its number; consecutive, never used again, also after a rollback. Given by the store.
    public internal(set) var sequence: UInt64 = 0
    /// Where it is to be published.
    public var topic: String
    /// The message's key; `nil` is none.
    public var key: [UInt8]?
    /// The message's value; `nil` is a tombstone.
    public var value: [UInt8]?
    /// In the order of the message.
    public var headers: [Header]
    /// Whom it is about: it is kept under the owner's key until it is delivered, and goes undelivered
    /// when the owner is erased before.
    public var owner: RowOwner?

    /// One header; a name may come more than once.
    public struct Header: Sendable, Equatable {
        /// The header's name.
        public var name: String
        /// The header's bytes.
        public var value: [UInt8]

        /// Takes both as they are.
        public init(name: String, value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    /// Takes each field as it is; the store gives the number.
    public init(
        topic: String, key: [UInt8]?, value: [UInt8]?, headers: [Header] = [],
        owner: RowOwner? = nil
    ) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
        self.owner = owner
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

    init(
        sequence: UInt64, bytes: [UInt8], owner: RowOwner? = nil
    ) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        self.sequence = sequence
        self.owner = owner
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
                messages.append(try transaction.message(databases, key, value))
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
            let key = StoredKey.number(first + UInt64(index))
            try put(.outbox, key, try stored(message, key))
        }
        update { $0.nextOutbox += UInt64(messages.count) }
        return first..<first + UInt64(messages.count)
    }

    private mutating func stored(
        _ message: OutboxMessage, _ key: [UInt8]
    ) throws(StoreError) -> [UInt8] {
        var writer = ByteWriter(capacity: 128 + (message.value?.count ?? 0))
        guard let owner = message.owner else {
            writer.body(.plain(message.bytes))
            return writer.bytes
        }
        let domain = RecordDomain(.outbox)
        let bytes = message.bytes
        let digest = Envelope.digest(domain, key, bytes)
        writer.body(.sealed(vault.seal(bytes, digest, try holder(owner), domain, key)))
        return writer.bytes
    }

    /// Likewise of an owner who may not be known.
    mutating func removeOutbox(of owner: RowOwner) throws(StoreError) {
        let databases = databases
        let holder = try read { transaction throws(StoreError) in
            try transaction.holder(databases, of: owner)
        }
        if let holder { try removeOutbox(of: holder) }
    }

    /// Complexity: O(messages that wait).
    mutating func removeOutbox(of holder: Holder) throws(StoreError) {
        let databases = databases
        let gone = try read { transaction throws(StoreError) in
            var gone: [[UInt8]] = []
            try transaction.forEachMessage(databases, of: holder) { key, _ in gone.append(key) }
            return gone
        }
        for key in gone { try remove(.outbox, key) }
    }

    mutating func removeOutbox(through last: UInt64) throws(StoreError) {
        while let key = try oldestKey(.outbox) {
            guard let number = StoredKey.number(from: key), number <= last else { return }
            try remove(.outbox, key)
        }
    }
}

extension Transaction where Self: ~Copyable {
    fileprivate func body(_ table: Table, _ value: [UInt8]) throws(StoreError) -> StoredBody? {
        try decoded(table) { () throws(ByteCodingError) in
            var reader = ByteReader(value)
            let body = try reader.body()
            try reader.finish()
            return body
        }
    }

    /// Visits the messages that wait and are about an owner, as they are stored.
    ///
    /// - Complexity: O(messages that wait).
    func forEachMessage(
        _ databases: Databases, of holder: Holder,
        _ body: (_ key: [UInt8], _ value: [UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        try forEachRecord(databases, .outbox) { key, value throws(StoreError) in
            let found = try self.body(.outbox, value)
            if case .sealed(let row) = found, row.surrogate == holder.surrogate {
                try body(key, value)
            }
            return true
        }
    }

    /// A message in plain.
    func message(
        _ databases: Databases, _ key: [UInt8], _ value: [UInt8]
    ) throws(StoreError) -> OutboxMessage {
        let domain = RecordDomain(.outbox)
        let path = environment.folder.path
        let (bytes, owner): ([UInt8], RowOwner?)
        switch try body(.outbox, value) {
        case nil: throw .damaged(path: path, what: sentence(.layout, domain, key))
        case .plain(let plain): (bytes, owner) = (plain, nil)
        case .sealed(let row):
            guard let holder = try holder(databases, surrogate: row.surrogate) else {
                throw .damaged(path: path, what: "a message is of an owner whose key is gone")
            }
            do throws(RecordDamage) {
                (bytes, owner) = (try vault.open(row, holder, domain, key).value, holder.owner)
            } catch { throw .damaged(path: path, what: sentence(error, domain, key)) }
        }
        return try decoded(.outbox) { () throws(ByteCodingError) in
            try OutboxMessage(
                sequence: StoredKey.number(from: key) ?? 0, bytes: bytes, owner: owner)
        }
    }
}
