import Events

/// Where a value lies in a document, as a mapping writes it: `items[0].price`, `@.sku`,
/// `params[key=item_id].value`.
final class ValuePath: Sendable {
    /// What a path is counted from.
    enum Start: Sendable, Hashable {
        /// The document, or what its envelope holds.
        case body
        /// The element of the array that the rule goes through.
        case element
        /// The envelope itself.
        case envelope
    }

    enum Step: Sendable, Hashable {
        /// The member of an object, by the parser's index of its key.
        case member(Int)
        /// The element of an array, from 0.
        case element(Int)
        /// Every element of an array; only where several values may be.
        case every
        /// The first element of an array whose member at `keys` reads as `text`.
        case matching(keys: [Int], text: [UInt8])
    }

    /// As it was written.
    let text: String
    let start: Start
    let steps: [Step]
    /// The same in short, where it can be said so.
    let short: ShortPath?

    static let stepsMax = 32

    init(text: String, start: Start, steps: [Step]) {
        self.text = text
        self.start = start
        self.steps = steps
        short = ShortPath(start, steps)
    }

    /// Whether it stands for several values.
    var isMany: Bool { steps.contains(.every) }

    /// The value, where there is one that is not null.
    func node(in scope: Scope) -> JSONNode? {
        if let short { return short.node(in: scope) }
        return scope[start].flatMap { node(from: $0) }
    }

    /// The value that the path leads to from a place, whatever it begins with.
    func node(from place: JSONNode) -> JSONNode? {
        var node = place
        for step in steps {
            guard let next = node.at(step) else { return nil }
            node = next
        }
        return node.shape == .null ? nil : node
    }

    /// Every value that the path stands for.
    func forEach<E: Error>(
        in scope: Scope, _ body: (JSONNode) throws(E) -> Void
    ) throws(E) {
        guard let node = scope[start] else { return }
        try Self.visit(node, steps[...], body)
    }

    /// The elements of the array that the path leads to; of a path with `[*]` all its values. There
    /// may be none.
    func elements(in scope: Scope) throws(MappingFault) -> [JSONNode] {
        if isMany {
            var found: [JSONNode] = []
            forEach(in: scope) { found.append($0) }
            return found
        }
        guard let array = node(in: scope) else { return [] }
        guard array.shape == .array else {
            throw .invalid("each: must be an array, not \(array.described) (from \(text))")
        }
        return array.children
    }

    private static func visit<E: Error>(
        _ node: JSONNode, _ steps: ArraySlice<Step>, _ body: (JSONNode) throws(E) -> Void
    ) throws(E) {
        guard let step = steps.first else {
            if node.shape != .null { try body(node) }
            return
        }
        if step == .every {
            for child in node.shape == .array ? node.children : [] {
                try visit(child, steps.dropFirst(), body)
            }
        } else if let next = node.at(step) {
            try visit(next, steps.dropFirst(), body)
        }
    }
}

/// A path of at most four keys, without memory of its own.
struct ShortPath: Sendable, Hashable {
    private let start: ValuePath.Start
    private let names: SIMD4<UInt16>
    private let count: Int

    fileprivate init?(_ start: ValuePath.Start, _ steps: [ValuePath.Step]) {
        var names = SIMD4<UInt16>()
        guard steps.count <= names.scalarCount else { return nil }
        for (index, step) in steps.enumerated() {
            guard case .member(let name) = step else { return nil }
            names[index] = UInt16(name)
        }
        self.start = start
        self.names = names
        count = steps.count
    }

    /// The value, where there is one that is not null.
    func node(in scope: Scope) -> JSONNode? {
        guard var node = scope[start] else { return nil }
        for index in 0..<count {
            guard let next = node.member(named: Int(names[index])) else { return nil }
            node = next
        }
        return node.shape == .null ? nil : node
    }
}

extension JSONNode {
    fileprivate func at(_ step: ValuePath.Step) -> JSONNode? {
        switch step {
        case .member(let name): return member(named: name)
        case .every: return nil
        case .element(let index):
            guard shape == .array, index < length else { return nil }
            var child = advanced(by: 1)
            for _ in 0..<index { child = child.advanced(by: child.nodeCount) }
            return child
        case .matching(let keys, let text):
            guard shape == .array else { return nil }
            var child = advanced(by: 1)
            for _ in 0..<length {
                var found: JSONNode? = child
                for key in keys { found = found?.member(named: key) }
                if let found, MappedValue(found)?.reads(as: text) == true { return child }
                child = child.advanced(by: child.nodeCount)
            }
            return nil
        }
    }
}

// MARK: Reading

extension ValuePath {
    /// Reads a path; `nil` with a problem noted where it is none.
    convenience init?(
        _ text: String, envelope: Bool = false, many: Bool = false, at node: MappingNode,
        _ reading: MappingReading
    ) {
        func refuse(_ what: String) { reading.refuse(node, "the path '\(text)' \(what)") as Void? }
        var parser = PathParser(text)
        guard let parts = parser.parse() else {
            refuse(parser.problem)
            return nil
        }
        guard parts.count <= Self.stepsMax else {
            refuse("has more than \(Self.stepsMax) steps")
            return nil
        }
        if parser.isOfElement, !reading.hasElement || envelope {
            refuse("begins with @, the element of 'each', which is not there")
            return nil
        }
        var steps: [Step] = []
        for part in parts {
            guard let step = Step(part, reading) else {
                refuse("names more keys than a mapping can have, or one that no key can be")
                return nil
            }
            if step == .every, !many {
                refuse("has [*], which only 'sum', 'count' and 'each' read")
                return nil
            }
            steps.append(step)
        }
        self.init(
            text: text,
            start: envelope ? .envelope : parser.isOfElement ? .element : .body, steps: steps)
    }
}

extension ValuePath.Step {
    fileprivate init?(_ part: PathParser.Part, _ reading: MappingReading) {
        switch part {
        case .key(let key):
            guard let index = reading.index(of: key) else { return nil }
            self = .member(index)
        case .element(let index): self = .element(index)
        case .every: self = .every
        case .matching(let keys, let text):
            let indexes = keys.compactMap { reading.index(of: $0) }
            guard indexes.count == keys.count else { return nil }
            self = .matching(keys: indexes, text: Array(text.utf8))
        }
    }
}

/// Takes the text of a path apart.
private struct PathParser {
    enum Part {
        case key(String)
        case element(Int)
        case every
        case matching(keys: [String], text: String)
    }

    private var rest: Substring
    private(set) var isOfElement = false
    private(set) var problem = ""

    init(_ text: String) {
        rest = text[...]
    }

    mutating func parse() -> [Part]? {
        var parts: [Part] = []
        isOfElement = rest.first == "@"
        let hasStart = isOfElement || rest.first == "$"
        if hasStart { rest.removeFirst() }
        if !hasStart, rest.first != "[" {
            guard let key = key() else { return nil }
            parts.append(key)
        }
        while let next = rest.popFirst() {
            let part: Part? =
                switch next {
                case ".": key()
                case "[": bracket()
                default: fail("has '\(next)' where . or [ should be")
                }
            guard let part else { return nil }
            parts.append(part)
        }
        return parts
    }

    private mutating func fail(_ what: String) -> Part? {
        problem = what
        return nil
    }

    private mutating func key() -> Part? {
        let key = rest.prefix { $0 != "." && $0 != "[" && $0 != "]" }
        guard !key.isEmpty else { return fail("has an empty key") }
        rest.removeFirst(key.count)
        return .key(String(key))
    }

    /// What stands between brackets, behind the opening one.
    private mutating func bracket() -> Part? {
        if rest.first == "\"" {
            guard let key = quoted(), !key.isEmpty else { return fail("has an open quote") }
            return close().map { .key(key) }
        }
        let inner = rest.prefix { $0 != "]" && $0 != "=" }
        rest.removeFirst(inner.count)
        if rest.first == "=" {
            rest.removeFirst()
            let keys = inner.split(separator: ".", omittingEmptySubsequences: false).map(
                String.init)
            let isQuoted = rest.first == "\""
            guard let text = isQuoted ? quoted() : plain(), !keys.contains("") else {
                return fail("has no key and text in [key=text]")
            }
            return close().map { .matching(keys: keys, text: text) }
        }
        let part: Part
        if inner == "*" {
            part = .every
        } else if let index = Int(inner), (0...999_999).contains(index), inner.first != "+" {
            part = .element(index)
        } else {
            return fail("has [\(inner)], which is no index, [*], [\"key\"] or [key=text]")
        }
        return close().map { part }
    }

    private mutating func plain() -> String? {
        let text = rest.prefix { $0 != "]" }
        rest.removeFirst(text.count)
        return text.isEmpty ? nil : String(text)
    }

    /// The text between quotes, which it cannot hold itself.
    private mutating func quoted() -> String? {
        rest.removeFirst()
        let text = rest.prefix { $0 != "\"" }
        rest.removeFirst(text.count)
        guard rest.popFirst() != nil else { return nil }
        return String(text)
    }

    private mutating func close() -> Void? {
        guard rest.popFirst() == "]" else {
            problem = "has an open bracket"
            return nil
        }
        return ()
    }
}
