internal import CSimdJSON

/// Puts an event together from values, as the nodes that a parser makes of its JSON: `EventDecoder`
/// reads both alike.
///
/// Texts of another document are pointed at where they are, so that document must stay until the
/// event is read. Thread: one at a time; keep one a thread.
@safe package final class NodeWriter {
    /// What a member is called.
    package enum Key: Sendable {
        case field(FieldName)
        /// As in `context` and `attributes`, UTF-8.
        case name([UInt8])
    }

    /// Owned by this object, freed in `deinit`. The first node is the event; an object that is not
    /// closed has the place of the one around it in its bits.
    private var nodes: UnsafeMutableBufferPointer<tsj_node>
    private var count = 0
    /// The object whose members follow.
    private var open = 0
    private var texts = KeptTexts()

    /// An event without members.
    package init() {
        unsafe nodes = .allocate(capacity: 64)
        begin()
    }

    deinit {
        unsafe nodes.deallocate()
    }

    /// Begins another event.
    package func begin() {
        count = 0
        open = 0
        texts.goBack(to: .beginning)
        append(TSJ_OBJECT, nil)
    }

    /// How far an event has been written, to go back to; taken where no object inside it is open.
    package struct Mark: Sendable {
        fileprivate let count: Int
        fileprivate let members: UInt32
        fileprivate let texts: KeptTexts.Mark
    }

    package var mark: Mark {
        Mark(count: count, members: unsafe nodes[0].length, texts: texts.mark)
    }

    /// Takes back what was written since, and closes what is open.
    package func goBack(to mark: Mark) {
        count = mark.count
        open = 0
        unsafe nodes[0].length = mark.members
        texts.goBack(to: mark.texts)
    }

    /// The event as it is; valid until it is changed.
    package var event: JSONNode {
        guard let event = unsafe JSONNode(UnsafePointer(nodes.baseAddress)) else {
            preconditionFailure("there is always a first node")
        }
        return event
    }

    private func append(_ kind: Int, _ key: Key?) {
        if unsafe count == nodes.count { grow() }
        var node = unsafe tsj_node()
        unsafe node.kind = UInt8(truncatingIfNeeded: kind)
        unsafe node.extent = 1
        unsafe node.name = UInt16(TSJ_UNNAMED)
        switch key {
        case nil: break
        case .field(let field): unsafe node.name = UInt16(truncatingIfNeeded: field.rawValue)
        case .name(let name):
            let kept = unsafe name.withUnsafeBufferPointer { unsafe texts.keep($0) }
            unsafe node.key = kept
            unsafe node.key_length = UInt32(truncatingIfNeeded: name.count)
        }
        if count > 0 { unsafe nodes[open].length += 1 }
        unsafe nodes.initializeElement(at: count, to: node)
        count += 1
    }

    private func grow() {
        let more = UnsafeMutableBufferPointer<tsj_node>.allocate(capacity: 2 * count)
        _ = unsafe more.moveInitialize(fromContentsOf: nodes)
        unsafe nodes.deallocate()
        unsafe nodes = more
    }
}

// MARK: Members

extension NodeWriter {
    /// A whole number.
    package func add(_ number: Int64, as key: Key) {
        append(TSJ_INTEGER, key)
        unsafe nodes[count - 1].bits = UInt64(bitPattern: number)
    }

    /// A finite number; a whole one is written as JSON has it, without a point.
    package func add(_ number: Double, as key: Key) {
        if let whole = Int64(exactly: number), abs(number) < 1e15,
            !(number == 0 && number.sign == .minus)
        {
            return add(whole, as: key)
        }
        append(TSJ_DOUBLE, key)
        unsafe nodes[count - 1].bits = number.bitPattern
    }

    /// True or false.
    package func add(_ flag: Bool, as key: Key) {
        append(flag ? TSJ_TRUE : TSJ_FALSE, key)
    }

    /// A text, copied.
    package func add(_ text: String, as key: Key) {
        var text = text
        let (kept, length) = text.withUTF8 { (unsafe texts.keep($0), $0.count) }
        unsafe add(kept, length, key)
    }

    /// A text of a document, in place.
    package func add(textOf node: JSONNode, as key: Key) {
        let bytes = unsafe UnsafeRawBufferPointer(node.bytes)
        unsafe add(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, key)
    }

    private func add(_ text: UnsafePointer<CChar>?, _ length: Int, _ key: Key) {
        append(TSJ_STRING, key)
        unsafe nodes[count - 1].text = text
        unsafe nodes[count - 1].length = UInt32(truncatingIfNeeded: length)
    }

    /// An object: its members follow.
    package func beginObject(as key: Key) {
        append(TSJ_OBJECT, key)
        unsafe nodes[count - 1].bits = UInt64(open)
        open = count - 1
    }

    /// Closes the object that was begun last; one without members is taken back.
    package func endObject() {
        let object = open
        open = unsafe Int(nodes[object].bits)
        if unsafe nodes[object].length == 0 {
            count = object
            unsafe nodes[open].length -= 1
        } else {
            unsafe nodes[object].extent = UInt32(truncatingIfNeeded: count - object)
        }
    }

    /// The event in Tidemark's own JSON.
    package var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.write(membersOf: event)
        json.endObject()
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func write(membersOf object: JSONNode) {
        let fields = FieldName.allCases
        for child in object.children {
            let isField = child.name < fields.count
            key(isField ? fields[child.name].text : child.keyString)
            switch child.kind {
            case TSJ_TRUE, TSJ_FALSE: value(child.kind == TSJ_TRUE)
            case TSJ_INTEGER: value(child.integer)
            case TSJ_DOUBLE: value(child.double)
            case TSJ_STRING: unsafe value(utf8: child.bytes)
            default:
                beginValue()
                write(membersOf: child)
                endObject()
            }
        }
    }
}

/// Texts in memory that does not move while they are kept.
///
/// A text that does not fit gets a piece of memory of its own, at least twice as large as the one
/// before; of all the pieces the first alone stays when everything is taken back.
@safe private struct KeptTexts: ~Copyable {
    /// Owned by this value, freed in `deinit`.
    private var pieces: [UnsafeMutableRawBufferPointer]
    /// Bytes of the last piece.
    private var used = 0

    struct Mark: Sendable {
        let pieces: Int
        let used: Int
        static let beginning = Mark(pieces: 1, used: 0)
    }

    init() {
        unsafe pieces = [.allocate(byteCount: 4096, alignment: 1)]
    }

    deinit {
        unsafe pieces.forEach { unsafe $0.deallocate() }
    }

    var mark: Mark { Mark(pieces: unsafe pieces.count, used: used) }

    mutating func goBack(to mark: Mark) {
        while unsafe pieces.count > mark.pieces { unsafe pieces.removeLast().deallocate() }
        used = mark.used
    }

    mutating func keep(_ text: UnsafeBufferPointer<UInt8>) -> UnsafePointer<CChar>? {
        var piece = unsafe pieces[pieces.count - 1]
        if text.count > piece.count - used {
            unsafe piece = .allocate(
                byteCount: max(2 * piece.count, text.count), alignment: 1)
            unsafe pieces.append(piece)
            used = 0
        }
        let place = unsafe UnsafeMutableRawBufferPointer(rebasing: piece[used...])
        unsafe place.copyMemory(from: UnsafeRawBufferPointer(text))
        used += text.count
        return unsafe UnsafePointer(place.baseAddress?.assumingMemoryBound(to: CChar.self))
    }
}
