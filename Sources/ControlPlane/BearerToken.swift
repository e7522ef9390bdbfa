/// The secret that requests from elsewhere must carry. Never printed.
public struct BearerToken: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// Shorter ones can be guessed.
    public static let byteCountMin = 16

    private let bytes: [UInt8]

    /// - Parameter text: the token, white space around it left out; `nil` for one that is too
    ///   short or holds anything but visible ASCII.
    public init?(_ text: String) {
        let bytes = text.utf8.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
        guard bytes.count >= Self.byteCountMin, bytes.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.bytes = Array(bytes)
    }

    /// `(hidden)`: nothing of the token reaches a log.
    public var description: String { "(hidden)" }
    /// Without children, so that a dump shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether an Authorization header carries the token; takes as long for every wrong one.
    func authorizes(_ header: String?) -> Bool {
        let scheme = "bearer "
        guard let header, header.prefix(scheme.count).lowercased() == scheme else { return false }
        let given = Array(header.utf8.dropFirst(scheme.utf8.count))
        var difference = given.count ^ bytes.count
        for (index, byte) in bytes.enumerated() {
            difference |= Int(byte ^ (index < given.count ? given[index] : 0))
        }
        return difference == 0
    }
}
