import Records

/// How producers choose a partition by a record's key.
///
/// Shards own partitions, so all topics that carry one user must be written with the same
/// partitioner; what a topic was written with can be checked on the keys that come.
public enum KeyPartitioner: String, Sendable, CaseIterable {
    /// Java clients: `murmur2`, `murmur2_random`.
    case murmur2
    /// librdkafka's default: `consistent`, `consistent_random`.
    case crc32

    /// The partition of a key among `count`.
    ///
    /// Records without a key go anywhere and say nothing about the partitioner.
    public func partition(of key: [UInt8], count: Int) -> Int32 {
        precondition(count > 0)
        switch self {
        case .murmur2: return Int32(Int(Self.murmur2(key) & 0x7fff_ffff) % count)
        case .crc32: return Int32(Int(CRC32.checksum(key)) % count)
        }
    }

    /// Source: Apache Kafka, `Utils.murmur2`.
    static func murmur2(_ key: [UInt8]) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash = 0x9747_b28c ^ UInt32(truncatingIfNeeded: key.count)
        let words = key.count / 4
        for word in 0..<words {
            var bits = (0..<4).reduce(UInt32(0)) {
                $0 | UInt32(key[word * 4 + $1]) << UInt32($1 * 8)
            }
            bits = bits &* multiplier
            bits ^= bits >> 24
            hash = (hash &* multiplier) ^ (bits &* multiplier)
        }
        let rest = key[(words * 4)...]
        if !rest.isEmpty {
            for (index, byte) in rest.enumerated() { hash ^= UInt32(byte) << UInt32(index * 8) }
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        return hash ^ hash >> 15
    }
}
