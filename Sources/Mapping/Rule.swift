import Events

/// What a mapping does with the documents that a condition holds of.
struct Rule: Sendable {
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
}

/// The members of an object of an event, in the order they are written.
struct ObjectRule: Sendable {
    var members: [MemberRule]

    /// Those that are the same for all elements of an array, and the others.
    func split() -> (fixed: ObjectRule, varying: ObjectRule) {
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

struct MemberRule: Sendable {
    enum Kind: Sendable {
        case text, number, amount, time, flag, attribute
    }

    indirect enum Content: Sendable {
        case value(Kind, ValueSource, isRequired: Bool)
        case object(ObjectRule)
    }

    /// With its path: `context.page`.
    let name: String
    /// In quotes, escaped, with its colon.
    let key: [UInt8]
    let content: Content

    var isOfElement: Bool {
        switch content {
        // What amounts are in may be said by the element.
        case .value(let kind, let source, _): kind == .amount || source.isOfElement
        case .object(let inner): inner.members.contains(where: \.isOfElement)
        }
    }
}
