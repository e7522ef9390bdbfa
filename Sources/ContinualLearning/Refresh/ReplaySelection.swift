import ResponseModel

/// The remembered examples that a refresh looks at.
public struct ReplaySelection {
    let memory: ReplayMemory
    let first: UInt64
    let recent: UInt64
    let isSuspect: (MemoryExample) -> Bool

    /// - Parameters:
    ///   - first: examples from this one on are looked at.
    ///   - recent: examples before this one are what is not to be forgotten.
    ///   - isSuspect: whether an example's label may be false: then it is not trained on.
    public init(
        _ memory: ReplayMemory, from first: UInt64 = 0, recent: UInt64 = 0,
        isSuspect: @escaping (MemoryExample) -> Bool = { _ in false }
    ) {
        self.memory = memory
        self.first = first
        self.recent = recent
        self.isSuspect = isSuspect
    }
}
