/// Which of the reader's types can take what the writer wrote.
///
/// Source: Avro 1.12 specification, "Schema Resolution".
struct AvroMatch {
    let writer: AvroSchema
    let reader: AvroSchema

    /// How well two types fit.
    enum Fit {
        case not
        /// By a promotion: an int as a long, a text as bytes.
        case promoted
        case same
    }

    /// The reader's branch for a writer's type: the first of the same type, else the first that it
    /// can be promoted to.
    func branch(of branches: [Int], for written: AvroSchema.AvroType) -> Int? {
        branches.first { fits(written, reader.types[$0]) == .same }
            ?? branches.first { fits(written, reader.types[$0]) == .promoted }
    }

    /// Looks at the types themselves, not at what is inside them: what does not fit there is found
    /// when it comes.
    func fits(_ written: AvroSchema.AvroType, _ wanted: AvroSchema.AvroType) -> Fit {
        switch (written, wanted) {
        case (.null, .null), (.boolean, .boolean), (.int, .int), (.long, .long), (.float, .float),
            (.double, .double), (.bytes, .bytes), (.string, .string), (.array, .array),
            (.map, .map):
            .same
        case (.int, .long), (.int, .float), (.int, .double), (.long, .float), (.long, .double),
            (.float, .double), (.string, .bytes), (.bytes, .string):
            .promoted
        case (.record(let a), .record(let b)): Self.named(a.name, b.name)
        case (.enumeration(let a), .enumeration(let b)): Self.named(a.name, b.name)
        case (.fixed(let a, let sizeA, _), .fixed(let b, let sizeB, _)):
            sizeA == sizeB ? Self.named(a, b) : .not
        // A reader's union inside the writer's union is asked for each branch.
        case (_, .union(let branches)):
            branch(of: branches, for: written) == nil ? .not : .same
        default: .not
        }
    }

    /// Names without their namespaces, and the reader's aliases.
    private static func named(_ written: AvroSchema.Name, _ wanted: AvroSchema.Name) -> Fit {
        written.short == wanted.short || wanted.aliases.contains(written.full)
            || wanted.aliases.contains(String(written.short)) ? .same : .not
    }
}

extension AvroSchema.Record {
    /// The reader's field that takes a writer's one: of its name, else of such an alias.
    func field(for written: String) -> AvroSchema.Field? {
        fields.first { $0.name == written } ?? fields.first { $0.aliases.contains(written) }
    }
}
