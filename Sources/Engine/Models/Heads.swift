import ResponseModel

/// What is predicted of an exposure; each has a response head of its own.
public enum Label: String, Sendable, CaseIterable {
    case click, purchase

    var index: Int { self == .click ? 0 : 1 }
}

/// The response heads by label; one that was never asked for is not there.
struct Heads {
    private var click: ResponseHead?
    private var purchase: ResponseHead?

    /// Changed in place, so that a head's storage is not copied.
    subscript(label: Label) -> ResponseHead? {
        _read {
            switch label {
            case .click: yield click
            case .purchase: yield purchase
            }
        }
        _modify {
            switch label {
            case .click: yield &click
            case .purchase: yield &purchase
            }
        }
    }

    /// Those that are there, by name.
    var all: [ResponseHead] { [click, purchase].compactMap { $0 } }
    /// Distinct texts that the head with the most of them has learned from.
    var texts: Int { all.map { Int($0.textCount) }.max() ?? 0 }
    /// Labels with a head.
    var labels: [Label] { Label.allCases.filter { self[$0] != nil } }
}
