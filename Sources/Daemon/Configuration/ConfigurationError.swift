/// A configuration that cannot be used: what is wrong, and where it was said.
public struct ConfigurationError: Error, CustomStringConvertible, Equatable {
    /// `tidemark.yaml:12`, `--set lora.rank` or `TIDEMARK_LORA_RANK`.
    public let place: String
    public let message: String

    public init(place: String, message: String) {
        self.place = place
        self.message = message
    }

    public var description: String { "\(place): \(message)" }
}
