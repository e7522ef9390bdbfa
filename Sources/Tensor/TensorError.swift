/// What keeps the arithmetic or a file of tensors from being used.
public enum TensorError: Error, Equatable, CustomStringConvertible {
    /// OpenBLAS cannot be loaded.
    case blasMissing(tried: [String], reason: String)
    /// OpenBLAS in a build that is not safe to call from several threads.
    case blasFlavour(path: String, found: String)
    /// OpenBLAS computes with other kernels than the profile needs.
    case blasCore(wanted: String, found: String)
    /// The process computes in another profile already.
    case profileFixed(loaded: NumericProfile, wanted: NumericProfile)
    /// The processor lacks what the profile needs.
    case processorTooOld(NumericProfile)
    /// A file of tensors is damaged, or not what is wanted.
    case safetensors(file: String, SafetensorsFault)

    /// A sentence that says what to install or to do, where something can be done.
    public var description: String {
        switch self {
        case .blasMissing(let tried, let reason):
            "OpenBLAS cannot be loaded (\(reason)); tried \(tried.joined(separator: ", ")); "
                + "on Debian and Ubuntu install libopenblas0-pthread"
        case .blasFlavour(let path, let found):
            "\(path) is OpenBLAS built with \(found); the build with POSIX threads is needed "
                + "(libopenblas0-pthread), since others are not safe to call from several threads"
        case .blasCore(let wanted, let found):
            "OpenBLAS runs kernels for \(found) though \(wanted) was asked for: it was loaded "
                + "before the numeric profile was chosen"
        case .profileFixed(let loaded, let wanted):
            "this process already computes in the numeric profile '\(loaded.rawValue)'; "
                + "'\(wanted.rawValue)' needs a process of its own"
        case .processorTooOld(let profile):
            "the numeric profile '\(profile.rawValue)' needs a processor with AVX"
        case .safetensors(let file, let fault):
            "\(file): \(fault)"
        }
    }
}
