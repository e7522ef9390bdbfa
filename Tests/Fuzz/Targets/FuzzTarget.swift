/// Something that takes bytes from outside, to be run on any bytes there are.
///
/// A target traps where what it checks does not hold; what the code under test throws for bad input
/// is fine. It keeps no state between two runs, so that one input alone shows a failure again.
public protocol FuzzTarget: SendableMetatype {
    /// One word: the target's name in `deploy/fuzz`, and of its folder in `Tests/Fuzz/Corpora`.
    static var name: String { get }

    /// Inputs to begin with. Small and few: one for each branch that chance would hardly find.
    static var seeds: [[UInt8]] { get }

    /// - Parameter bytes: valid during the call alone.
    static func run(_ bytes: UnsafeRawBufferPointer)
}

/// Every target there is; a new one is one line here and one file beside this one.
public enum FuzzTargets {
    public static let all: [any FuzzTarget.Type] = [
        DecoderTarget.self,
        NumbersTarget.self,
        LogsTarget.self,
        WeightsTarget.self,
        RowsTarget.self,
        HTTPTarget.self,
        ControlTarget.self,
        StoreRecordsTarget.self,
        ConfigurationTarget.self,
        SchemasTarget.self,
        MappingTarget.self,
    ]

    public static func named(_ name: String) -> (any FuzzTarget.Type)? {
        all.first { $0.name == name }
    }
}

extension FuzzTarget {
    /// The same on bytes held by the caller, for tests.
    public static func run(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe run($0) }
    }
}
