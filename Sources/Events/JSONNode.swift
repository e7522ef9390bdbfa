internal import CSimdJSON

/// One value of a parsed document, in place.
///
/// Lifetime: points into the parser's nodes, which its next `parse` overwrites. Only `JSONParser`
/// and the code that holds one of its results for the length of a call make or keep these.
@safe package struct JSONNode {
    private let pointer: UnsafePointer<tsj_node>

    init?(_ pointer: UnsafePointer<tsj_node>?) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
    }

    @inline(__always) private init(pointer: UnsafePointer<tsj_node>) {
        unsafe self.pointer = pointer
    }

    /// Where it lies, for as long as the parser's nodes do.
    @inline(__always) var place: UnsafePointer<tsj_node> { unsafe pointer }

    /// The node at a place.
    @inline(__always) init(at place: UnsafePointer<tsj_node>) { unsafe self.init(pointer: place) }

    @inline(__always) var kind: Int { unsafe Int(pointer.pointee.kind) }
    /// Only of a `TSJ_INTEGER`.
    @inline(__always) package var integer: Int64 { unsafe Int64(bitPattern: pointer.pointee.bits) }
    /// Only of a `TSJ_DOUBLE`.
    @inline(__always) package var double: Double { unsafe Double(bitPattern: pointer.pointee.bits) }
    /// Bytes of a string, elements of an array, members of an object.
    @inline(__always) package var length: Int { unsafe Int(pointer.pointee.length) }
    /// The key's index among the parser's names, or `TSJ_UNNAMED`.
    @inline(__always) package var name: Int { unsafe Int(pointer.pointee.name) }
    @inline(__always) var keyByteCount: Int { unsafe Int(pointer.pointee.key_length) }

    /// The text's bytes; empty unless the node is a string.
    @inline(__always) package var bytes: UnsafeBufferPointer<UInt8> {
        let start = unsafe UnsafeRawPointer(pointer.pointee.text)
        return unsafe UnsafeBufferPointer(
            start: start?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : length)
    }

    @inline(__always) package var keyBytes: UnsafeBufferPointer<UInt8> {
        let start = unsafe UnsafeRawPointer(pointer.pointee.key)
        return unsafe UnsafeBufferPointer(
            start: start?.assumingMemoryBound(to: UInt8.self), count: keyByteCount)
    }

    /// Whether a text has ASCII letters alone.
    var isASCII: Bool {
        let bytes = unsafe UnsafeRawBufferPointer(bytes)
        var at = 0
        var seen: UInt64 = 0
        while at + 8 <= bytes.count {
            seen |= unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            at += 8
        }
        while at < bytes.count {
            seen |= UInt64(unsafe bytes[at])
            at += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// Whether it is a text of these bytes.
    package func reads(as text: [UInt8]) -> Bool {
        guard kind == TSJ_STRING, length == text.count else { return false }
        return unsafe text.withUnsafeBufferPointer { wanted in
            let own = unsafe bytes
            for index in wanted.indices where unsafe own[index] != wanted[index] { return false }
            return true
        }
    }

    package var string: String { unsafe String(decoding: bytes, as: UTF8.self) }
    package var keyString: String { unsafe String(decoding: keyBytes, as: UTF8.self) }

    /// The node `count` places on in document order; the caller stays within the document.
    @inline(__always) package func advanced(by count: Int) -> JSONNode {
        unsafe JSONNode(pointer: pointer + count)
    }

    /// Elements or members; none of a scalar.
    package var children: [JSONNode] {
        var found: [JSONNode] = []
        found.reserveCapacity(length)
        var child = advanced(by: 1)
        for _ in 0..<(kind == TSJ_ARRAY || kind == TSJ_OBJECT ? length : 0) {
            found.append(child)
            child = child.advanced(by: child.nodeCount)
        }
        return found
    }

    /// This value and all it holds.
    @inline(__always) package var nodeCount: Int { unsafe Int(pointer.pointee.extent) }

    /// The value as it stands in a message.
    package var described: String {
        switch kind {
        case TSJ_NULL: "null"
        case TSJ_FALSE: "false"
        case TSJ_TRUE: "true"
        case TSJ_INTEGER: String(integer)
        case TSJ_DOUBLE: "\(double)"
        case TSJ_STRING: "\"\(shortened(string, to: 40))\""
        case TSJ_ARRAY: "an array"
        default: "an object"
        }
    }
}

extension JSONNode {
    /// What kind of value a node is, without the value.
    package enum Shape: Sendable, Hashable {
        case null, no, yes, integer, number, text, array, object
    }

    @inline(__always) package var shape: Shape {
        switch kind {
        case TSJ_FALSE: .no
        case TSJ_TRUE: .yes
        case TSJ_INTEGER: .integer
        case TSJ_DOUBLE: .number
        case TSJ_STRING: .text
        case TSJ_ARRAY: .array
        case TSJ_OBJECT: .object
        default: .null
        }
    }

    /// The member whose key is the parser's name of this index.
    @inline(__always) package func member(named index: Int) -> JSONNode? {
        guard kind == TSJ_OBJECT else { return nil }
        var member = advanced(by: 1)
        for _ in 0..<length {
            if member.name == index { return member }
            member = member.advanced(by: member.nodeCount)
        }
        return nil
    }
}
