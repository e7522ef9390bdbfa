/// The version of this program.
public enum TidemarkVersion {
    /// Major, minor and patch.
    public static let current = "0.1.0"
}
