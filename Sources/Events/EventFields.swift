import Foundation
import Records

internal import CSimdJSON

/// The members of one JSON object by field name, read with their checks.
///
/// Lifetime: borrows the parser's nodes and the decoder's slots, so it lives within one `decode`.
@safe struct EventFields {
    /// Where the node of each known field is, `nil` where there is none.
    typealias Slots = UnsafeMutableBufferPointer<UnsafePointer<tsj_node>?>

    private let slots: Slots
    /// The field of the event that the object is; `nil`: it is the event.
    private let parent: FieldName?

    init(_ object: JSONNode, slots: Slots, parent: FieldName? = nil) {
        unsafe slots.update(repeating: nil)
        unsafe self.init(adding: object, to: slots, parent: parent)
    }

    /// - Parameter slots: what is in them stays, but for the fields that the object has.
    init(adding object: JSONNode, to slots: Slots, parent: FieldName? = nil) {
        unsafe self.slots = slots
        self.parent = parent
        var member = object.advanced(by: 1)
        for _ in 0..<object.length {
            let name = member.name
            if name < slots.count { unsafe slots[name] = member.place }
            member = member.advanced(by: member.nodeCount)
        }
    }

    @inline(__always)
    private func node(_ slot: Int) -> JSONNode? {
        guard let place = unsafe slots[slot] else { return nil }
        let node = unsafe JSONNode(at: place)
        // Writers that know no absent field write null.
        return node.kind == TSJ_NULL ? nil : node
    }

    /// What precedes a field's name in an error: empty, or `item.`.
    private var path: String { parent.map { $0.text + "." } ?? "" }

    func has(_ field: FieldName) -> Bool { node(field.rawValue) != nil }

    func missing(_ field: FieldName) -> EventError { .missing(field: path + field.text) }

    private func invalid(_ field: String, _ requirement: String, _ node: JSONNode) -> EventError {
        .invalid(field: path + field, requirement: requirement, found: node.described)
    }
}

// MARK: Texts

extension EventFields {
    /// A non-empty identifier within the bound, or `nil` where the field is absent. A whole number stands for
    /// its digits.
    func id(_ field: FieldName) throws(EventError) -> String? {
        guard let node = node(field.rawValue) else { return nil }
        if node.kind == TSJ_INTEGER { return String(node.integer) }
        // As in JSON Schema, `2.0` is a whole number; above this its last digits may be lost.
        if node.kind == TSJ_DOUBLE, abs(node.double) < 9_007_199_254_740_992,
            let whole = Int64(exactly: node.double)
        {
            return String(whole)
        }
        guard node.kind == TSJ_STRING, node.length > 0,
            node.length <= EventLimits.idBytesMax
        else {
            if node.kind == TSJ_STRING, node.length > 0 {
                throw tooLong(field.text, node, EventLimits.idBytesMax)
            }
            throw invalid(field.text, "a non-empty string or a whole number of 64 bits", node)
        }
        let id = node.string
        guard node.isASCII || id.isComposed else {
            throw invalid(field.text, "in Unicode's normal form C", node)
        }
        return id
    }

    private func tooLong(_ field: String, _ node: JSONNode, _ bytesMax: Int) -> EventError {
        .invalid(
            field: path + field, requirement: "at most \(bytesMax) bytes long",
            found: "\(node.length)")
    }

    /// Whether the field is there and is the empty text.
    func isEmpty(_ field: FieldName) -> Bool {
        guard let node = node(field.rawValue) else { return false }
        return node.kind == TSJ_STRING && node.length == 0
    }

    func requiredID(_ field: FieldName) throws(EventError) -> String {
        guard let id = try id(field) else { throw missing(field) }
        return id
    }

    /// A text within a bound; empty counts as absent.
    func text(_ field: FieldName, bytesMax: Int) throws(EventError) -> String? {
        guard let node = node(field.rawValue) else { return nil }
        try checkText(field.text, node, bytesMax)
        return node.length == 0 ? nil : node.string
    }

    /// - Parameter field: made only when the check fails.
    private func checkText(_ field: @autoclosure () -> String, _ node: JSONNode, _ bytesMax: Int)
        throws(EventError)
    {
        guard node.kind == TSJ_STRING else { throw invalid(field(), "a string", node) }
        guard node.length <= bytesMax else {
            throw tooLong(field(), node, bytesMax)
        }
    }

    /// The value of `type`, without making a string of it where it is known.
    func type() throws(EventError) -> EventType? {
        guard let node = node(FieldName.type.rawValue) else { return nil }
        guard node.kind == TSJ_STRING else {
            throw .unknownType(node.described)
        }
        // Hardly two of the names are of one length.
        let candidate: EventType? =
            switch node.length {
            case 4: .item
            case 5: unsafe node.bytes[0] == UInt8(ascii: "c") ? .click : .erase
            case 6: .refund
            case 7: .outcome
            case 8: unsafe node.bytes[0] == UInt8(ascii: "p") ? .purchase : .identify
            case 9: .objection
            case 10: .impression
            default: nil
            }
        guard let candidate, node.string == candidate.rawValue else {
            throw .unknownType(node.described)
        }
        return candidate
    }

    /// The text of `type`, whatever it is; `nil` where there is none.
    func typeText() -> String? {
        guard let node = node(FieldName.type.rawValue), node.kind == TSJ_STRING else { return nil }
        return node.string
    }

    /// The text of a field asked for by name: a string, or an integer as its digits.
    func extra(slot: Int, name: String) throws(EventError) -> String? {
        guard let node = node(slot) else { return nil }
        if node.kind == TSJ_INTEGER {
            return String(node.integer)
        }
        try checkText(name, node, EventLimits.labelBytesMax)
        return node.string
    }
}

// MARK: Numbers

extension EventFields {
    func number(_ field: FieldName, _ rule: NumberRule) throws(EventError) -> Double? {
        guard let node = node(field.rawValue) else { return nil }
        let value: Double
        switch node.kind {
        case TSJ_DOUBLE: value = node.double
        case TSJ_INTEGER: value = Double(node.integer)
        default: throw invalid(field.text, rule.requirement(nil), node)
        }
        guard rule.allows(value) else {
            throw invalid(field.text, rule.requirement(value), node)
        }
        return value
    }

    /// An integer in `range`; as in JSON Schema, `2.0` is one.
    func integer(_ field: FieldName, _ range: ClosedRange<Int>) throws(EventError) -> Int? {
        guard let node = node(field.rawValue) else { return nil }
        guard let value = wholeNumber(node), range.contains(value) else {
            let isLarge = (numeric(node) ?? 0) > Double(range.upperBound)
            throw invalid(
                field.text,
                isLarge
                    ? "an integer of at most \(range.upperBound)"
                    : "an integer of \(range.lowerBound) or more", node)
        }
        return value
    }

    func bool(_ field: FieldName) throws(EventError) -> Bool? {
        guard let node = node(field.rawValue) else { return nil }
        switch node.kind {
        case TSJ_TRUE: return true
        case TSJ_FALSE: return false
        default: throw invalid(field.text, "true or false", node)
        }
    }

    /// Event time: RFC 3339 or epoch milliseconds, not before 2000.
    func ts() throws(EventError) -> Int64 {
        let requirement = "an RFC 3339 date-time or epoch milliseconds, from 2000 to 9999"
        guard let node = node(FieldName.ts.rawValue) else { throw missing(.ts) }
        let value: Int64? =
            if node.kind == TSJ_STRING {
                unsafe Timestamp.milliseconds(node.bytes)
            } else {
                wholeNumber(node).map(Int64.init)
            }
        let range = EventLimits.tsMsMin...EventLimits.tsMsMax
        guard let value, range.contains(value) else {
            if node.kind != TSJ_STRING, let value { try checkUnit(value) }
            throw invalid(FieldName.ts.text, requirement, node)
        }
        return value
    }

    /// Throws: for a number that is a time of these decades in another unit.
    private func checkUnit(_ value: Int64) throws(EventError) {
        // Up to 2100, so that no nonsense gets a date.
        let decades = EventLimits.tsMsMin...4_102_444_800_000
        let (asMs, overflow) = value.multipliedReportingOverflow(by: 1000)
        if !overflow, decades.contains(asMs) {
            throw .epochUnit(number: value, unit: "seconds", asMs: asMs)
        }
        if decades.contains(value / 1000) {
            throw .epochUnit(number: value, unit: "microseconds", asMs: value / 1000)
        }
    }

    private func numeric(_ node: JSONNode) -> Double? {
        switch node.kind {
        case TSJ_DOUBLE: node.double
        case TSJ_INTEGER: Double(node.integer)
        default: nil
        }
    }

    private func wholeNumber(_ node: JSONNode) -> Int? {
        switch node.kind {
        case TSJ_INTEGER: Int(node.integer)
        case TSJ_DOUBLE: Int(exactly: node.double)
        default: nil
        }
    }
}

// MARK: Objects

extension EventFields {
    /// The members of the object at `field`, to be read with the same checks.
    func object(_ field: FieldName, slots: Slots)
        throws(EventError) -> EventFields?
    {
        guard let node = node(field.rawValue) else { return nil }
        guard node.kind == TSJ_OBJECT else {
            throw invalid(field.text, "an object", node)
        }
        return unsafe EventFields(node, slots: slots, parent: field)
    }

    /// A flat map of texts and numbers in ascending order of the keys' bytes; true and false are taken as
    /// the texts `true` and `false`, and what is null is absent.
    func attributes(_ field: FieldName, countMax: Int)
        throws(EventError) -> [Event.Attribute]
    {
        guard let node = node(field.rawValue) else { return [] }
        guard node.kind == TSJ_OBJECT else {
            throw invalid(field.text, "an object", node)
        }
        let count = node.length
        guard count <= countMax else {
            throw .invalid(
                field: path + field.text, requirement: "an object of at most \(countMax) fields",
                found: "one of \(count)")
        }
        var found: [Event.Attribute] = []
        found.reserveCapacity(count)
        var isSorted = true
        // The values must be scalars, so they follow one another directly.
        for place in 1..<count + 1 {
            let child = node.advanced(by: place)
            if let known = try attribute(child, in: field) { found.append(known) }
            if place > 1, isSorted {
                isSorted = unsafe node.advanced(by: place - 1).keyBytes
                    .lexicographicallyPrecedes(child.keyBytes)
            }
        }
        if !isSorted {
            found.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            // A parser refuses it before; what a mapping puts together comes here.
            for (one, next) in zip(found, found.dropFirst())
            where one.key.utf8.elementsEqual(next.key.utf8) {
                throw .duplicateKey(shortened(one.key))
            }
        }
        return found
    }

    private func attribute(
        _ node: JSONNode, in field: FieldName
    ) throws(EventError) -> Event.Attribute? {
        let key = node.keyString
        let keyBytes = node.keyByteCount
        guard keyBytes > 0, keyBytes <= EventLimits.attributeKeyBytesMax else {
            throw .invalid(
                field: path + field.text,
                requirement: "a map with keys of 1 to \(EventLimits.attributeKeyBytesMax) bytes",
                found: keyBytes == 0 ? "one with an empty key" : "one with a key of \(keyBytes)")
        }
        switch node.kind {
        case TSJ_INTEGER, TSJ_DOUBLE:
            return Event.Attribute(key, .number(numeric(node) ?? 0))
        case TSJ_STRING:
            try checkText(
                "\(field.text).\(shortened(key))", node, EventLimits.attributeTextBytesMax)
            return Event.Attribute(key, .text(node.string))
        case TSJ_TRUE: return Event.Attribute(key, .text("true"))
        case TSJ_FALSE: return Event.Attribute(key, .text("false"))
        case TSJ_NULL: return nil
        default:
            throw invalid(
                "\(field.text).\(shortened(key))", "a string, a number, true or false", node)
        }
    }
}

extension String {
    /// Whether the text is in Unicode's normal form C, in which equal texts have equal bytes.
    ///
    /// To Swift's `==` and its dictionaries two spellings of one text are the same, to Kafka's keys, hashes
    /// and the store they are two: only one of them may be an id.
    package var isComposed: Bool {
        // Nothing below U+0300 is spelt in two ways.
        utf8.allSatisfy { $0 < 0xcc }
            || precomposedStringWithCanonicalMapping.utf8.elementsEqual(utf8)
    }
}
