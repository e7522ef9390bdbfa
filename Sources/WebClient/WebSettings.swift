/// How one place on the web is asked.
public struct WebSettings: Sendable {
    /// Who asks.
    public enum Credentials: Sendable {
        /// Nobody in particular.
        case none
        /// HTTP Basic (RFC 7617).
        case basic(user: String, password: String)
        /// A token (RFC 6750).
        case bearer(String)
    }

    /// `http://…` or `https://…`, which every path is added to; without a slash at its end.
    public let url: String
    /// Who asks.
    public var credentials = Credentials.none
    /// Lines of every request, `Accept: application/json`.
    public var headers: [String] = []
    /// The type of the bodies that are sent.
    public var bodyType = "application/json"
    /// A file of certificates (PEM) to trust instead of the system's; `nil` trusts the system's.
    public var authorityFile: String?
    /// A file with the certificate (PEM) that is shown where one is asked for; `nil` shows none.
    public var certificateFile: String?
    /// A file with the certificate's private key (PEM).
    public var keyFile: String?
    /// What that key is encrypted with; `nil` where it is not.
    public var keyPassword: String?
    /// How long a connection may take to be made, milliseconds.
    public var connectTimeoutMs = 3_000
    /// How long a request may take, milliseconds.
    public var timeoutMs = 10_000
    /// Redirects that one request follows; with 0 a redirect is an answer as any other.
    public var redirectsMax = 0
    /// Longest answer, bytes.
    public var answerBytesMax = 4 << 20

    /// A place that anyone may ask.
    public init(url: String) { self.url = url }
}
