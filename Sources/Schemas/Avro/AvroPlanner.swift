/// Makes a plan of the writer's schema and, where there is one, the reader's.
///
/// Source: Avro 1.12 specification, "Schema Resolution".
struct AvroPlanner {
    let writer: AvroSchema
    /// `nil` takes what was written as it is.
    let reader: AvroSchema?
    private(set) var plan = AvroPlan()
    /// Nodes by the writer's type and the reader's.
    private var made: [Pair: Int] = [:]

    private struct Pair: Hashable {
        let writer: Int
        let reader: Int?
    }

    /// Records inside records while a plan is made, at most.
    private static let depthMax = 256
    /// Nodes of a plan, at most.
    private static let nodesMax = 100_000

    init(writer: AvroSchema, reader: AvroSchema?) {
        self.writer = writer
        self.reader = reader
    }

    /// - Throws: `SchemaError` where a schema is larger or deeper than is read, or a default does not
    ///   fit its type.
    static func plan(writer: AvroSchema, reader: AvroSchema? = nil) throws(SchemaError) -> AvroPlan
    {
        var planner = AvroPlanner(writer: writer, reader: reader)
        planner.plan.root = try planner.node(writer.root, reader?.root, depth: 0)
        return planner.plan
    }

    // MARK: Nodes

    /// The node that reads a writer's type as a reader's.
    private mutating func node(_ from: Int, _ to: Int?, depth: Int) throws(SchemaError) -> Int {
        let pair = Pair(writer: from, reader: to)
        if let index = made[pair] { return index }
        guard depth < Self.depthMax, plan.nodes.count < Self.nodesMax else {
            throw SchemaError("", "its types are nested too deep, or are too many")
        }
        let index = plan.nodes.count
        plan.nodes.append(AvroPlan.Node(kind: .null))
        made[pair] = index
        var node = try resolved(from, to, depth: depth + 1)
        node.isEmpty = isEmpty(node)
        plan.nodes[index] = node
        return index
    }

    private mutating func resolved(_ from: Int, _ to: Int?, depth: Int) throws(SchemaError)
        -> AvroPlan.Node
    {
        let written = writer.types[from]
        if case .union(let branches) = written {
            var nodes: [Int32] = []
            for branch in branches { nodes.append(Int32(try node(branch, to, depth: depth))) }
            return list(.union, nodes)
        }
        guard let reader, let to else { return try plain(written, nil, depth: depth) }
        if case .union(let branches) = reader.types[to] {
            let fits = AvroMatch(writer: writer, reader: reader)
            guard let branch = fits.branch(of: branches, for: written) else {
                return unresolved("the reader's union has no place for \(written.described)")
            }
            return try resolved(from, branch, depth: depth)
        }
        guard AvroMatch(writer: writer, reader: reader).fits(written, reader.types[to]) != .not
        else {
            return unresolved(
                "\(written.described) was written where the reader has "
                    + reader.types[to].described)
        }
        return try plain(written, to, depth: depth)
    }

    /// - Parameter to: the reader's type, which fits; `nil` without a reader.
    private mutating func plain(_ written: AvroSchema.AvroType, _ to: Int?, depth: Int)
        throws(SchemaError) -> AvroPlan.Node
    {
        let wanted = to.flatMap { reader?.types[$0] }
        switch written {
        case .null: return AvroPlan.Node(kind: .null)
        case .boolean: return AvroPlan.Node(kind: .boolean)
        case .float: return AvroPlan.Node(kind: .float)
        case .double: return AvroPlan.Node(kind: .double)
        case .int(let logical): return Self.number(logical, wanted)
        case .long(let logical): return Self.number(logical, wanted)
        case .string:
            if case .bytes = wanted { return AvroPlan.Node(kind: .bytes) }
            return AvroPlan.Node(kind: .string)
        case .bytes(let logical): return Self.bytes(logical, wanted)
        case .fixed(_, let size, let logical): return Self.fixed(size, logical)
        case .enumeration(let symbols): return enumeration(symbols, wanted)
        case .array(let item):
            guard case .array(let other)? = wanted else { return try list(.array, item, depth) }
            return try list(.array, item, depth, other)
        case .map(let item):
            guard case .map(let other)? = wanted else { return try list(.map, item, depth) }
            return try list(.map, item, depth, other)
        case .record(let record):
            guard case .record(let other)? = wanted else {
                return try self.record(record, nil, depth: depth)
            }
            return try self.record(record, other, depth: depth)
        case .union, .open: return unresolved("\(written.described) cannot be read here")
        }
    }

    private mutating func list(
        _ kind: AvroPlan.Kind, _ item: Int, _ depth: Int, _ other: Int? = nil
    ) throws(SchemaError) -> AvroPlan.Node {
        AvroPlan.Node(kind: kind, first: Int32(try node(item, other, depth: depth)))
    }

    private mutating func list(_ kind: AvroPlan.Kind, _ nodes: [Int32]) -> AvroPlan.Node {
        let first = plan.branches.count
        plan.branches += nodes
        return AvroPlan.Node(kind: kind, first: Int32(first), count: Int32(nodes.count))
    }

    private mutating func unresolved(_ message: String) -> AvroPlan.Node {
        plan.messages.append(message)
        return AvroPlan.Node(kind: .unresolved, first: Int32(plan.messages.count - 1))
    }

    private func isEmpty(_ node: AvroPlan.Node) -> Bool {
        switch node.kind {
        case .null: true
        case .fixed, .fixedText: node.first == 0
        case .fixedDecimal: node.count == 0
        case .record:
            (Int(node.first)..<Int(node.first + node.count)).allSatisfy {
                let step = plan.steps[$0]
                return step.node < 0 || plan.nodes[Int(step.node)].isEmpty
            }
        default: false
        }
    }

    // MARK: Single values

    /// What a value means is the writer's to say, and the reader's where the writer does not.
    private static func number(_ logical: AvroSchema.Logical, _ wanted: AvroSchema.AvroType?)
        -> AvroPlan.Node
    {
        var logical = logical
        if logical == .none, case .int(let other)? = wanted { logical = other }
        if logical == .none, case .long(let other)? = wanted { logical = other }
        switch logical {
        case .date: return AvroPlan.Node(kind: .date)
        case .timeMillis: return AvroPlan.Node(kind: .timeMillis)
        case .timeMicros: return AvroPlan.Node(kind: .timeMicros)
        case .timestamp(let digits, let isLocal):
            return AvroPlan.Node(kind: isLocal ? .wallClock : .instant, first: Int32(digits))
        default: return AvroPlan.Node(kind: .integer)
        }
    }

    private static func bytes(_ logical: AvroSchema.Logical, _ wanted: AvroSchema.AvroType?)
        -> AvroPlan.Node
    {
        var logical = logical
        if case .string? = wanted { return AvroPlan.Node(kind: .string) }
        if logical == .none, case .bytes(let other)? = wanted { logical = other }
        guard case .decimal(let scale) = logical else { return AvroPlan.Node(kind: .bytes) }
        return AvroPlan.Node(kind: .decimal, first: Int32(scale))
    }

    private static func fixed(_ size: Int, _ logical: AvroSchema.Logical) -> AvroPlan.Node {
        switch logical {
        case .decimal(let scale):
            AvroPlan.Node(kind: .fixedDecimal, first: Int32(scale), count: Int32(size))
        case .uuid: AvroPlan.Node(kind: .uuid)
        case .duration: AvroPlan.Node(kind: .duration)
        default: AvroPlan.Node(kind: .fixed, first: Int32(size))
        }
    }

    private mutating func enumeration(
        _ written: AvroSchema.Enumeration, _ wanted: AvroSchema.AvroType?
    ) -> AvroPlan.Node {
        let first = plan.texts.count
        for symbol in written.symbols {
            var symbol: String? = symbol
            if case .enumeration(let other)? = wanted, let known = symbol,
                !other.symbols.contains(known)
            {
                symbol = other.defaultSymbol
            }
            plan.texts.append(symbol.map { written in text { $0.string(written) } } ?? 0..<0)
        }
        return AvroPlan.Node(
            kind: .enumeration, first: Int32(first), count: Int32(written.symbols.count))
    }

    // MARK: Records

    private mutating func record(
        _ written: AvroSchema.Record, _ wanted: AvroSchema.Record?, depth: Int
    ) throws(SchemaError) -> AvroPlan.Node {
        var steps: [AvroPlan.Step] = []
        var given: Set<String> = []
        for field in written.fields {
            guard let wanted else {
                let node = try node(field.type, nil, depth: depth)
                steps.append(step(field.name, Int32(node), isFirst: given.isEmpty))
                given.insert(field.name)
                continue
            }
            if let target = wanted.field(for: field.name), !given.contains(target.name) {
                let node = try node(field.type, target.type, depth: depth)
                steps.append(step(target.name, Int32(node), isFirst: given.isEmpty))
                given.insert(target.name)
            } else {
                let node = try node(field.type, nil, depth: depth)
                guard !plan.nodes[node].isEmpty else { continue }
                steps.append(AvroPlan.Step(key: 0..<0, node: Int32(node)))
            }
        }
        for field in wanted?.fields ?? [] where !given.contains(field.name) {
            guard let value = field.defaultValue else {
                return unresolved(
                    "the reader's field \(field.name) was not written and has no default")
            }
            steps.append(try preset(field, value, isFirst: given.isEmpty))
            given.insert(field.name)
        }
        guard plan.text.count <= AvroPlan.textMax else {
            throw SchemaError(written.name.full, "its texts are too long")
        }
        let first = plan.steps.count
        plan.steps += steps
        return AvroPlan.Node(kind: .record, first: Int32(first), count: Int32(steps.count))
    }

    private mutating func step(_ name: String, _ node: Int32, isFirst: Bool) -> AvroPlan.Step {
        AvroPlan.Step(key: text { Self.key(name, isFirst: isFirst, &$0) }, node: node)
    }

    /// A field that only the reader has: its default is JSON that never changes.
    private mutating func preset(_ field: AvroSchema.Field, _ value: SchemaJSON, isFirst: Bool)
        throws(SchemaError) -> AvroPlan.Step
    {
        guard let reader else { return AvroPlan.Step(key: 0..<0, node: -1) }
        let json = try AvroDefault(schema: reader).json(value, field.type, field.name)
        let range = text {
            Self.key(field.name, isFirst: isFirst, &$0)
            $0.append(json)
        }
        return AvroPlan.Step(key: range, node: -1)
    }

    private static func key(_ name: String, isFirst: Bool, _ out: inout JSONOutput) {
        out.put(isFirst ? 0x7b : 0x2c)
        out.string(name)
        out.put(0x3a)
    }

    /// Where a text lies that is written once.
    private mutating func text(_ write: (inout JSONOutput) -> Void) -> Range<Int> {
        var out = JSONOutput(bytesMax: AvroPlan.textMax)
        write(&out)
        let start = plan.text.count
        plan.text += out.bytes
        return start..<plan.text.count
    }
}
