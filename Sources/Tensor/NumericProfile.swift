/// Which arithmetic a process uses, and so which bits it gives.
///
/// Within one profile and platform a vector's bits are the same whatever is computed beside it, in
/// whatever order and on however many threads.
public enum NumericProfile: String, Sendable, Hashable, CaseIterable {
    /// The fastest kernels of this processor whose rows do not depend on their neighbours.
    case fast
    /// Kernels that give the same bits on every processor with AVX.
    case portable
}

/// Everything a bit of the results depends on, for snapshots and reports to name.
public struct NumericPlatform: Sendable, Hashable, CustomStringConvertible {
    /// The profile that was chosen.
    public let profile: NumericProfile
    /// Name and version of the library behind the matrix products, as it states them.
    public let blas: String
    /// The processor type whose kernels that library uses.
    public let core: String
    /// The version of our own kernels; all their builds give the same bits.
    public let kernels: Int

    /// Takes each field as it is.
    public init(profile: NumericProfile, blas: String, core: String, kernels: Int) {
        self.profile = profile
        self.blas = blas
        self.core = core
        self.kernels = kernels
    }

    /// Results of two platforms can be compared bit for bit exactly when these texts are equal.
    public var description: String { "\(blas) \(core) kernels-\(kernels)" }
}
