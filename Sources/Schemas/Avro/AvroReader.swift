/// Reads one body by a plan and writes it as JSON.
///
/// Total: every body gives JSON or a fault. Time is linear in the body and in the JSON written; an
/// element costs at least a byte of the body, or of the JSON.
struct AvroReader {
    let plan: AvroPlan
    var cursor: ByteCursor

    /// Records, arrays and maps inside each other, at most.
    static let depthMax = 64
    /// Elements without bytes (nulls) that one array may claim.
    private static let emptyItemsMax: Int64 = 100_000

    init(_ plan: AvroPlan, _ body: UnsafeRawBufferPointer) {
        self.plan = plan
        unsafe cursor = ByteCursor(body)
    }

    /// The whole body.
    mutating func read(_ out: inout JSONOutput) throws(PayloadFault) {
        try value(plan.root, 0, &out)
        guard cursor.isAtEnd else { throw cursor.fault(.rest(cursor.remaining)) }
        guard !out.isFull else { throw cursor.fault(.tooLarge) }
    }

    private mutating func value(_ index: Int, _ depth: Int, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        let node = plan.nodes[index]
        switch node.kind {
        case .null: out.append("null")
        case .boolean: try boolean(&out)
        case .integer: out.number(try cursor.zigzag())
        case .float: out.number(Float(bitPattern: try cursor.little32()))
        case .double: out.number(Double(bitPattern: try cursor.little64()))
        case .string: try text(try cursor.take(cursor.zigzag()), &out)
        case .record: try record(node, depth, &out)
        case .union:
            let branch = try choice(node)
            try value(Int(plan.branches[Int(node.first) + branch]), depth, &out)
        case .enumeration:
            let symbol = plan.texts[Int(node.first) + (try choice(node))]
            guard !symbol.isEmpty else {
                throw cursor.fault(.unresolved("the reader's enum does not have the symbol"))
            }
            out.append(plan.text, symbol)
        case .array: try array(node, depth, &out)
        case .map: try map(node, depth, &out)
        default: try rarer(node, &out)
        }
    }

    private mutating func rarer(_ node: AvroPlan.Node, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        switch node.kind {
        case .bytes: unsafe out.base64(cursor.slice(try cursor.take(cursor.zigzag())))
        case .fixed: unsafe out.base64(cursor.slice(try cursor.take(Int64(node.first))))
        case .fixedText: try text(try cursor.take(Int64(node.first)), &out)
        case .decimal: try decimal(try cursor.take(cursor.zigzag()), Int(node.first), &out)
        case .fixedDecimal: try decimal(try cursor.take(Int64(node.count)), Int(node.first), &out)
        case .date: out.date(try cursor.zigzag())
        case .timeMillis: out.timeOfDay(try cursor.zigzag(), digits: 3)
        case .timeMicros: out.timeOfDay(try cursor.zigzag(), digits: 6)
        case .instant: out.timestamp(try cursor.zigzag(), digits: Int(node.first), isLocal: false)
        case .wallClock: out.timestamp(try cursor.zigzag(), digits: Int(node.first), isLocal: true)
        case .uuid: unsafe out.uuid(cursor.slice(try cursor.take(16)))
        case .duration: try duration(&out)
        default: throw cursor.fault(.unresolved(plan.messages[Int(node.first)]))
        }
    }

    private mutating func boolean(_ out: inout JSONOutput) throws(PayloadFault) {
        switch try cursor.byte() {
        case 0: out.append("false")
        case 1: out.append("true")
        case let other: throw cursor.fault(.boolean(other))
        }
    }

    private func text(_ place: Range<Int>, _ out: inout JSONOutput) throws(PayloadFault) {
        guard unsafe out.string(cursor.slice(place)) else {
            throw PayloadFault(place.lowerBound, .notUTF8)
        }
    }

    private func decimal(_ place: Range<Int>, _ scale: Int, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        guard unsafe out.decimal(cursor.slice(place), scale: scale) else {
            throw PayloadFault(place.lowerBound, .decimalTooLong(place.count))
        }
    }

    /// Three unsigned numbers: months, days, milliseconds.
    private mutating func duration(_ out: inout JSONOutput) throws(PayloadFault) {
        out.append("{\"months\":")
        out.number(UInt64(try cursor.little32()))
        out.append(",\"days\":")
        out.number(UInt64(try cursor.little32()))
        out.append(",\"milliseconds\":")
        out.number(UInt64(try cursor.little32()))
        out.put(0x7d)
    }

    private mutating func choice(_ node: AvroPlan.Node) throws(PayloadFault) -> Int {
        let index = try cursor.zigzag()
        guard index >= 0, index < Int64(node.count) else {
            throw cursor.fault(.choice(index, countMax: Int(node.count)))
        }
        return Int(index)
    }

    // MARK: Values of values

    private mutating func record(_ node: AvroPlan.Node, _ depth: Int, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        guard depth < Self.depthMax else { throw cursor.fault(.tooDeep) }
        guard !out.isFull else { throw cursor.fault(.tooLarge) }
        var isEmpty = true
        for index in Int(node.first)..<Int(node.first) + Int(node.count) {
            let step = plan.steps[index]
            if step.key.isEmpty {
                try skip(Int(step.node), depth + 1)
                continue
            }
            isEmpty = false
            out.append(plan.text, step.key)
            if step.node >= 0 { try value(Int(step.node), depth + 1, &out) }
        }
        if isEmpty { out.put(0x7b) }
        out.put(0x7d)
    }

    /// How many elements the next block has; 0 ends the list.
    ///
    /// - Parameter blockBytes: set where the writer said how long the block is.
    private mutating func block(_ item: AvroPlan.Node, isMap: Bool, blockBytes: inout Int64?)
        throws(PayloadFault) -> Int64
    {
        var count = try cursor.zigzag()
        blockBytes = nil
        if count < 0 {
            guard count > .min else { throw cursor.fault(.length(count)) }
            count = -count
            let size = try cursor.zigzag()
            guard size >= 0, size <= Int64(cursor.remaining) else {
                throw cursor.fault(.length(size))
            }
            blockBytes = size
        }
        let most = item.isEmpty && !isMap ? Self.emptyItemsMax : Int64(cursor.remaining)
        guard count <= most else { throw cursor.fault(.length(count)) }
        return count
    }

    private mutating func array(_ node: AvroPlan.Node, _ depth: Int, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        guard depth < Self.depthMax else { throw cursor.fault(.tooDeep) }
        var next: UInt8 = 0x5b
        let item = Int(node.first)
        var blockBytes: Int64?
        while true {
            let count = try block(plan.nodes[item], isMap: false, blockBytes: &blockBytes)
            guard count > 0 else { break }
            for _ in 0..<count {
                out.put(next)
                next = 0x2c
                try value(item, depth + 1, &out)
                guard !out.isFull else { throw cursor.fault(.tooLarge) }
            }
        }
        if next == 0x5b { out.put(0x5b) }
        out.put(0x5d)
    }

    private mutating func map(_ node: AvroPlan.Node, _ depth: Int, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        guard depth < Self.depthMax else { throw cursor.fault(.tooDeep) }
        var next: UInt8 = 0x7b
        let item = Int(node.first)
        var blockBytes: Int64?
        while true {
            let count = try block(plan.nodes[item], isMap: true, blockBytes: &blockBytes)
            guard count > 0 else { break }
            for _ in 0..<count {
                out.put(next)
                next = 0x2c
                try text(try cursor.take(cursor.zigzag()), &out)
                out.put(0x3a)
                try value(item, depth + 1, &out)
                guard !out.isFull else { throw cursor.fault(.tooLarge) }
            }
        }
        if next == 0x7b { out.put(0x7b) }
        out.put(0x7d)
    }

    // MARK: What is passed over

    private mutating func skip(_ index: Int, _ depth: Int) throws(PayloadFault) {
        let node = plan.nodes[index]
        guard !node.isEmpty else { return }
        switch node.kind {
        case .boolean: _ = try cursor.take(1)
        case .integer, .date, .timeMillis, .timeMicros, .instant, .wallClock, .enumeration:
            _ = try cursor.varint()
        case .float: _ = try cursor.take(4)
        case .double: _ = try cursor.take(8)
        case .bytes, .string, .decimal: _ = try cursor.take(cursor.zigzag())
        case .fixed, .fixedText: _ = try cursor.take(Int64(node.first))
        case .fixedDecimal: _ = try cursor.take(Int64(node.count))
        case .uuid: _ = try cursor.take(16)
        case .duration: _ = try cursor.take(12)
        case .union: try skip(Int(plan.branches[Int(node.first) + (try choice(node))]), depth)
        case .record:
            guard depth < Self.depthMax else { throw cursor.fault(.tooDeep) }
            for step in Int(node.first)..<Int(node.first) + Int(node.count) {
                try skip(Int(plan.steps[step].node), depth + 1)
            }
        case .array, .map: try skipItems(node, depth)
        case .null: break
        case .unresolved: throw cursor.fault(.unresolved(plan.messages[Int(node.first)]))
        }
    }

    private mutating func skipItems(_ node: AvroPlan.Node, _ depth: Int) throws(PayloadFault) {
        guard depth < Self.depthMax else { throw cursor.fault(.tooDeep) }
        let isMap = node.kind == .map
        let item = Int(node.first)
        var blockBytes: Int64?
        while true {
            let count = try block(plan.nodes[item], isMap: isMap, blockBytes: &blockBytes)
            guard count > 0 else { return }
            if let blockBytes {
                _ = try cursor.take(blockBytes)
                continue
            }
            for _ in 0..<count {
                if isMap { _ = try cursor.take(cursor.zigzag()) }
                try skip(item, depth + 1)
            }
        }
    }
}
