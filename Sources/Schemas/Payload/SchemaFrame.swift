/// Where a record has its schema's id, and where its body begins.
///
/// Source: Confluent's clients, `SchemaId` and `dual_schema_id_deserializer`: the header
/// `__value_schema_id` is looked at first and then has the payload's whole frame; else the payload
/// begins with it. A frame is a magic byte (0: a big-endian id of four bytes; 1: a GUID of sixteen),
/// and before Protobuf the message's indexes.
public struct SchemaFrame: Hashable, Sendable {
    /// The header that has the frame.
    public static let headerName = "__value_schema_id"

    /// The schema of the body.
    public let id: SchemaID
    /// Bytes of the payload before the body; 0 where the header has the frame.
    public let bodyStart: Int
    /// Which message of a Protobuf file the body is; empty for other formats, `nil` where the indexes
    /// are none.
    public let messagePath: [Int]?

    /// Messages inside messages that a path may lead through.
    private static let pathMax = 32

    /// The frame of a payload; `nil` where neither header nor payload has one.
    ///
    /// - Parameter isProtobuf: whether indexes of a message are part of the frame.
    /// - Throws: `PayloadFault` for a frame that begins and does not end.
    public init?(
        payload: UnsafeRawBufferPointer, header: [UInt8]?, isProtobuf: Bool
    ) throws(PayloadFault) {
        if let header {
            let found = try unsafe header.withUnsafeBufferPointer { bytes throws(PayloadFault) in
                unsafe try Self.read(UnsafeRawBufferPointer(bytes), isProtobuf)
            }
            if let found {
                (id, messagePath, bodyStart) = (found.id, found.path, 0)
                return
            }
        }
        guard let found = unsafe try Self.read(payload, isProtobuf) else { return nil }
        (id, messagePath, bodyStart) = (found.id, found.path, found.end)
    }

    /// What stands before a body whose schema has a number: of Protobuf, before the file's first message.
    public static func prefix(_ id: UInt32, isProtobuf: Bool) -> [UInt8] {
        [0] + (0..<4).map { UInt8(truncatingIfNeeded: id >> (24 - 8 * $0)) }
            + (isProtobuf ? [0] : [])
    }

    private static func read(_ bytes: UnsafeRawBufferPointer, _ isProtobuf: Bool)
        throws(PayloadFault) -> (id: SchemaID, path: [Int]?, end: Int)?
    {
        var cursor = unsafe ByteCursor(bytes)
        guard bytes.count > 0 else { return nil }
        let id: SchemaID
        switch try cursor.byte() {
        case 0: id = .number(UInt32(bigEndian: try cursor.little32()))
        case 1:
            let high = UInt64(bigEndian: try cursor.little64())
            id = .guid(high, UInt64(bigEndian: try cursor.little64()))
        default: return nil
        }
        let path = isProtobuf ? path(&cursor) : []
        return (id, path, cursor.at)
    }

    /// Zigzag numbers: how many, and each; a single 0 stands for the first message.
    private static func path(_ cursor: inout ByteCursor) -> [Int]? {
        guard let count = try? cursor.zigzag() else { return nil }
        if count == 0 { return [0] }
        guard (1...Int64(pathMax)).contains(count) else { return nil }
        var path: [Int] = []
        for _ in 0..<count {
            guard let index = try? cursor.zigzag(), (0...Int64(ProtoFile.partsMax)).contains(index)
            else { return nil }
            path.append(Int(index))
        }
        return path
    }
}
