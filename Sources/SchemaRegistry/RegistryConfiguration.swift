/// How a registry is reached.
public struct RegistryConfiguration: Sendable {
    /// Who asks.
    public enum Credentials: Sendable {
        /// Nobody in particular.
        case none
        /// HTTP Basic (RFC 7617).
        case basic(user: String, password: String)
        /// A token (RFC 6750).
        case bearer(String)
    }

    /// A certificate of the program's own (mutual TLS).
    public struct Certificate: Sendable {
        /// File of the certificate, with what leads to an authority (PEM).
        public var file: String
        /// File of its private key (PEM).
        public var keyFile: String
        /// What the key is encrypted with; `nil` where it is not.
        public var keyPassword: String?

        /// A certificate with the key beside it.
        public init(file: String, keyFile: String, keyPassword: String? = nil) {
            self.file = file
            self.keyFile = keyFile
            self.keyPassword = keyPassword
        }
    }

    /// `http://…` or `https://…`, with a path where the registry lies below one; without credentials.
    public var url: String
    /// Who asks.
    public var credentials = Credentials.none
    /// A file of certificates (PEM) to trust instead of the system's; `nil` trusts the system's.
    public var authorityFile: String?
    /// How the program shows who it is, where the registry asks for a certificate.
    public var certificate: Certificate?
    /// How long a connection may take to be made, milliseconds.
    public var connectTimeoutMs = 3_000
    /// How long a request may take, milliseconds.
    public var timeoutMs = 10_000
    /// How often a request is made, where it fails for a reason that may pass.
    public var attempts = 3
    /// Longest answer, bytes.
    public var answerBytesMax = 4 << 20

    /// A registry that anyone may ask.
    public init(url: String) { self.url = url }

    /// Redirects that one request follows.
    static let redirectsMax = 3
    /// Bytes of the URL: it is part of a schema's key in the store.
    private static let urlBytesMax = 256

    /// The URL without a slash at its end.
    ///
    /// - Throws: `RegistryError.settings`.
    func checkedURL() throws(RegistryError) -> String {
        var text = url
        while text.hasSuffix("/") { text.removeLast() }
        guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }),
            text.utf8.count > scheme.utf8.count,
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .settings("the URL is none that begins with http:// or https://") }
        let host = text.dropFirst(scheme.count).prefix { $0 != "/" }
        guard !host.contains("@") else {
            throw .settings("the URL has credentials in it: they have settings of their own")
        }
        guard !text.contains("?"), !text.contains("#") else {
            throw .settings("the URL has a query or a fragment")
        }
        guard text.utf8.count <= Self.urlBytesMax else {
            throw .settings("the URL has more than \(Self.urlBytesMax) bytes")
        }
        return text
    }
}
