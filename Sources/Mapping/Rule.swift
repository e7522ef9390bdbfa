import Events

/// What a mapping does with the documents that a condition holds of.
final class Rule: Sendable {
    enum Outcome: Sendable {
        case event(EventType, ObjectRule)
        case ignore
        /// Refused, with a reason.
        case deadLetter(String)
    }

    let name: String
    let when: Condition?
    /// The array whose elements each give an event.
    let each: ValuePath?
    /// What an element must be, to be looked at.
    let filter: Condition?
    /// What amounts are in.
    let currency: ValueSource?
    let outcome: Outcome
    /// The fields that are the same for all elements of `each`, and the others.
    let fixed: ObjectRule
    let varying: ObjectRule
    /// The condition where it is that a text at a path of few keys is another one.
    private let comparison: Comparison?

    private final class Comparison: Sendable {
        let path: ShortPath
        let text: [UInt8]

        init?(_ condition: Condition?) {
            guard case .equals(.path(let path), let text)? = condition, let short = path.short
            else { return nil }
            (self.path, self.text) = (short, text)
        }
    }

    /// Whether the rule takes a document.
    func takes(_ scope: Scope) -> Bool {
        if let comparison, let node = comparison.path.node(in: scope), node.shape == .text {
            return node.length > 0 && node.reads(as: comparison.text)
        }
        return when?.holds(scope) ?? true
    }

    init(
        name: String, when: Condition?, each: ValuePath? = nil, filter: Condition? = nil,
        currency: ValueSource? = nil, outcome: Outcome
    ) {
        self.name = name
        self.when = when
        self.each = each
        self.filter = filter
        self.currency = currency
        self.outcome = outcome
        comparison = Comparison(when)
        guard case .event(_, let object) = outcome else {
            fixed = ObjectRule(members: [])
            varying = fixed
            return
        }
        (fixed, varying) = object.split()
    }

    /// The source of a field, wherever it lies.
    func source(of field: String) -> String? {
        guard case .event(_, let object) = outcome else { return nil }
        return object.source(of: field)
    }
}

/// The members of an object of an event, in the order they are written.
struct ObjectRule: Sendable {
    let members: [MemberRule]
    /// The same members in short, where one can be said so.
    let direct: [DirectMember?]

    init(members: [MemberRule]) {
        self.members = members
        direct = members.map { DirectMember($0) }
    }

    /// Those that are the same for all elements of an array, and the others.
    fileprivate func split() -> (fixed: ObjectRule, varying: ObjectRule) {
        (
            ObjectRule(members: members.filter { !$0.isOfElement }),
            ObjectRule(members: members.filter(\.isOfElement))
        )
    }

    /// The source of a field, wherever it lies.
    func source(of field: String) -> String? {
        for member in members {
            switch member.content {
            case .value(_, let source, _) where member.name == field: return source.described
            case .object(let inner):
                if let found = inner.source(of: field) { return found }
            default: continue
            }
        }
        return nil
    }
}

final class MemberRule: Sendable {
    enum Kind: Sendable {
        case text, number, amount, time, flag, attribute
    }

    indirect enum Content: Sendable {
        case value(Kind, ValueSource, isRequired: Bool)
        case object(ObjectRule)
    }

    /// With its path: `context.page`.
    let name: String
    let key: NodeWriter.Key
    let content: Content

    init(name: String, key: NodeWriter.Key, content: Content) {
        self.name = name
        self.key = key
        self.content = content
    }

    var isOfElement: Bool {
        switch content {
        // What amounts are in may be said by the element.
        case .value(let kind, let source, _): kind == .amount || source.isOfElement
        case .object(let inner): inner.members.contains(where: \.isOfElement)
        }
    }
}

/// A field that is what lies at a path of few keys.
///
/// It holds no memory of its own: nothing is counted when it is read.
struct DirectMember: Sendable {
    let field: FieldName
    let kind: MemberRule.Kind
    let path: ShortPath
    let isRequired: Bool

    fileprivate init?(_ member: MemberRule) {
        guard case .field(let field) = member.key,
            case .value(let kind, .path(let path), let isRequired) = member.content,
            let short = path.short
        else { return nil }
        self.field = field
        self.kind = kind
        self.path = short
        self.isRequired = isRequired
    }
}
