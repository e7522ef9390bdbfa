import Events

/// Where a value of an event comes from.
indirect enum ValueSource: Sendable {
    case path(ValuePath)
    /// An attribute of the envelope: a path into it, or a header of this name.
    case attribute(ValuePath, header: String)
    case record(RecordPart)
    case header(String)
    case constant(Constant)
    /// The first of several that is there.
    case first([ValueSource])
    /// Texts in a row; absent where one of them is.
    case join([ValueSource], with: String)
    case sum(SumSource)
    /// The first number and those of the others that are there; absent where the first is.
    case add([ValueSource])
    case count(ValuePath)
    /// A fraction of the list price, from what was paid or what was taken off.
    case discount(DiscountSource)
    case converted(ValueSource, [Conversion])

    /// What a record says of itself.
    enum RecordPart: String, Sendable, CaseIterable {
        case key, timestamp, topic, partition, offset
        /// Which document of the record, and which element of the rule's array, from 0.
        case document, index
    }

    enum Constant: Sendable, Hashable {
        case text(String)
        case integer(Int64)
        case number(Double)
        case flag(Bool)

        var value: MappedValue {
            switch self {
            case .text(let text): .text(text)
            case .integer(let number): .integer(number)
            case .number(let number): .number(number)
            case .flag(let flag): .flag(flag)
            }
        }
    }

    /// - Returns: `nil` where there is no value.
    func value(_ scope: Scope) throws(MappingFault) -> MappedValue? {
        switch self {
        case .path(let path): return path.node(in: scope).flatMap { MappedValue($0) }
        case .attribute(let path, let header):
            return scope.hasHeaderAttributes
                ? MappedValue(text: scope.header(header))
                : path.node(in: scope).flatMap { MappedValue($0) }
        case .record(let part): return part.value(scope)
        case .header(let name): return MappedValue(text: scope.header(name))
        case .constant(let constant): return constant.value
        case .first(let sources):
            for source in sources {
                if let value = try source.value(scope) { return value }
            }
            return nil
        case .join(let sources, let separator):
            var joined = ""
            for (index, source) in sources.enumerated() {
                guard let value = try source.value(scope) else { return nil }
                if index > 0 { joined += separator }
                joined += try value.text()
            }
            return MappedValue(text: joined)
        case .sum(let source): return try source.value(scope)
        case .add(let sources):
            guard var sum = try sources.first?.value(scope)?.number() else { return nil }
            for source in sources.dropFirst() {
                sum += try source.value(scope)?.number() ?? 0
            }
            return .number(sum)
        case .count(let path):
            var count: Int64 = 0
            path.forEach(in: scope) { _ in count += 1 }
            return .integer(count)
        case .discount(let source): return try source.value(scope)
        case .converted(let source, let conversions):
            var value = try source.value(scope)
            for conversion in conversions { value = try conversion.apply(to: value, scope) }
            return value
        }
    }

    /// The source in few words, for errors.
    var described: String {
        switch self {
        case .path(let path): path.text
        case .attribute(let path, _): "attribute \(path.text)"
        case .record(let part): "the record's \(part.rawValue)"
        case .header(let name): "header \(name)"
        case .constant(let constant): constant.value.described
        case .first(let sources): sources.map(\.described).joined(separator: " or ")
        case .join(let sources, _): sources.map(\.described).joined(separator: " and ")
        case .sum(let source): source.described
        case .add(let sources): sources.map(\.described).joined(separator: " plus ")
        case .count(let path): "the count of \(path.text)"
        case .discount(let source): source.described
        case .converted(let source, _): source.described
        }
    }

    /// Whether the value may differ from element to element of a record.
    var isOfElement: Bool {
        switch self {
        case .path(let path), .count(let path): path.start == .element
        case .sum(let source): source.path.start == .element
        case .attribute, .header, .constant: false
        case .record(let part): part == .index
        case .first(let sources), .join(let sources, _), .add(let sources):
            sources.contains(where: \.isOfElement)
        case .discount(let source): source.parts.contains(where: \.isOfElement)
        case .converted(let source, let conversions):
            source.isOfElement || conversions.contains(where: \.isOfElement)
        }
    }
}

extension ValueSource.RecordPart {
    fileprivate func value(_ scope: Scope) -> MappedValue? {
        let record = scope.record
        return switch self {
        case .key:
            MappedValue(text: record.key.flatMap { String(validating: $0, as: UTF8.self) })
        case .timestamp: record.timestampMs.map(MappedValue.integer)
        case .topic: .text(record.position.topic)
        case .partition: .integer(Int64(record.position.partition))
        case .offset: .integer(record.offset)
        case .document: .integer(Int64(scope.document))
        case .index: .integer(Int64(scope.index))
        }
    }
}

/// A sum over an array: of its numbers, or of one or the product of two of each element's; absent
/// where there is nothing to sum.
struct SumSource: Sendable {
    let path: ValuePath
    /// From each element on.
    var of: ValuePath?
    var times: ValuePath?
    var form = NumberForm.plain

    var described: String {
        let terms = [of, times].compactMap { $0?.text }.joined(separator: " times ")
        return "the sum of \(path.text)" + (terms.isEmpty ? "" : ", " + terms)
    }

    func value(_ scope: Scope) throws(MappingFault) -> MappedValue? {
        var sum: Double?
        try path.forEach(in: scope) { node throws(MappingFault) in
            guard let term = try number(of, node) else { return }
            // Without a factor there is one.
            let factor = times == nil ? 1 : try number(times, node) ?? 1
            sum = (sum ?? 0) + term * factor
        }
        return sum.map(MappedValue.number)
    }

    private func number(_ path: ValuePath?, _ element: JSONNode) throws(MappingFault) -> Double? {
        let node = path.map { $0.node(from: element) } ?? element
        return try node.flatMap { MappedValue($0) }?.number(form)
    }
}

/// A discount as the fraction of the list price that it takes off.
struct DiscountSource: Sendable {
    /// The list price.
    let list: ValueSource
    /// What was paid, or else what was taken off, in the list price's unit.
    let amount: ValueSource
    let isPaid: Bool

    var parts: [ValueSource] { [list, amount] }
    var described: String { "\(isPaid ? "paid" : "off") \(amount.described) of \(list.described)" }

    /// Amounts are rounded to their minor unit: what is as little above the list price is at it.
    private static let slack = 1e-9

    func value(_ scope: Scope) throws(MappingFault) -> MappedValue? {
        guard let list = try list.value(scope)?.number(),
            let amount = try amount.value(scope)?.number()
        else { return nil }
        guard list > 0 else {
            throw .invalid("is a share of a list price of \(list), which is not above 0")
        }
        let off = (isPaid ? list - amount : amount) / list
        return .number(off < 0 && off > -Self.slack ? 0 : off)
    }
}
