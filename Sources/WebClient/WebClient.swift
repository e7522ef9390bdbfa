internal import CCurl

/// What a place on the web says to a request.
public struct WebAnswer: Sendable {
    /// HTTP's status.
    public let status: Int
    /// The body, within the bound.
    public let body: [UInt8]
}

/// Asks one place on the web through libcurl.
///
/// Thread: one at a time; a call waits, so it belongs on a thread that may. One connection is kept open
/// between calls. Proxies are those of the environment (`https_proxy`, `no_proxy`). TLS is 1.2 at least.
@safe
public final class WebClient {
    private let settings: WebSettings
    /// Owned by this object alone, freed in `deinit`, as are the headers and the text of an error.
    private let handle: UnsafeMutableRawPointer
    private let headers: UnsafeMutablePointer<curl_slist>?
    private let headersOfPost: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    /// libcurl's own state; made once, never given back.
    private static let library = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    /// - Throws: `WebError.settings` for a file or credentials that cannot be used.
    public init(_ settings: WebSettings) throws(WebError) {
        self.settings = settings
        guard Self.library == CURLE_OK, let made = unsafe curl_easy_init() else {
            throw .settings("libcurl cannot be used")
        }
        unsafe handle = made
        unsafe headers = Self.list(settings.headers)
        // No pause for a word of the server's before the body.
        unsafe headersOfPost = Self.list(
            settings.headers + ["Content-Type: \(settings.bodyType)", "Expect:"])
        unsafe errorText = .allocate(capacity: Int(tm_curl_error_bytes))
        unsafe errorText.initialize(repeating: 0, count: Int(tm_curl_error_bytes))
        try setUp()
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(headers)
        unsafe curl_slist_free_all(headersOfPost)
        unsafe errorText.deallocate()
    }

    private static func list(_ lines: [String]) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { unsafe list = curl_slist_append(list, line) ?? list }
        return unsafe list
    }

    // MARK: Options

    private func setUp() throws(WebError) {
        unsafe _ = tm_curl_errors(handle, errorText)
        try set(CURLOPT_USERAGENT, "tidemark")
        // Timeouts without signals, which a program of several threads cannot have.
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_CONNECTTIMEOUT_MS, settings.connectTimeoutMs)
        try set(CURLOPT_TIMEOUT_MS, settings.timeoutMs)
        try set(CURLOPT_FOLLOWLOCATION, settings.redirectsMax > 0 ? 1 : 0)
        try set(CURLOPT_MAXREDIRS, settings.redirectsMax)
        // A redirect never leads from a safe connection to one that is none, nor to a file.
        let schemes = settings.url.hasPrefix("https:") ? "https" : "http,https"
        try set(CURLOPT_PROTOCOLS_STR, schemes)
        try set(CURLOPT_REDIR_PROTOCOLS_STR, schemes)
        unsafe _ = tm_curl_number(handle, CURLOPT_SSLVERSION, tm_curl_tls_1_2)
        if let file = settings.authorityFile {
            try set(CURLOPT_CAINFO, file)
            // The system's own folder of authorities would be trusted beside the file.
            unsafe _ = tm_curl_text(handle, CURLOPT_CAPATH, nil)
        }
        if let file = settings.certificateFile { try set(CURLOPT_SSLCERT, file) }
        if let file = settings.keyFile { try set(CURLOPT_SSLKEY, file) }
        if let password = settings.keyPassword { try set(CURLOPT_KEYPASSWD, password) }
        switch settings.credentials {
        case .none: break
        case .basic(let user, let password):
            unsafe _ = tm_curl_number(handle, CURLOPT_HTTPAUTH, tm_curl_auth_basic)
            try set(CURLOPT_USERNAME, user)
            try set(CURLOPT_PASSWORD, password)
        case .bearer(let token):
            guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw .settings("the token has a blank, or is no ASCII")
            }
            unsafe _ = tm_curl_number(handle, CURLOPT_HTTPAUTH, tm_curl_auth_bearer)
            try set(CURLOPT_XOAUTH2_BEARER, token)
        }
    }

    private func set(_ option: CURLoption, _ text: String) throws(WebError) {
        guard !text.utf8.contains(0), unsafe tm_curl_text(handle, option, text) == CURLE_OK else {
            throw .settings("libcurl does not take option \(option.rawValue)")
        }
    }

    private func set(_ option: CURLoption, _ number: Int) throws(WebError) {
        guard unsafe tm_curl_number(handle, option, number) == CURLE_OK else {
            throw .settings("libcurl does not take option \(option.rawValue)")
        }
    }

    // MARK: Requests

    /// - Parameter path: with its query, from the settings' URL on.
    /// - Throws: `WebError` where there is no answer.
    public func get(_ path: String) throws(WebError) -> WebAnswer {
        unsafe _ = tm_curl_list(handle, CURLOPT_HTTPHEADER, headers)
        try set(CURLOPT_HTTPGET, 1)
        return try perform(path)
    }

    /// - Parameter body: of the settings' type.
    /// - Throws: `WebError` where there is no answer.
    public func post(_ path: String, _ body: [UInt8]) throws(WebError) -> WebAnswer {
        unsafe _ = tm_curl_list(handle, CURLOPT_HTTPHEADER, headersOfPost)
        try set(CURLOPT_POST, 1)
        // A redirect is followed with the body.
        unsafe _ = tm_curl_number(handle, CURLOPT_POSTREDIR, tm_curl_redir_all)
        guard unsafe tm_curl_body(handle, body, body.count) == CURLE_OK else {
            throw .settings("libcurl does not take a body of \(body.count) bytes")
        }
        return try perform(path)
    }

    private func perform(_ path: String) throws(WebError) -> WebAnswer {
        try set(CURLOPT_URL, settings.url + path)
        let received = Received(bytesMax: settings.answerBytesMax)
        let context = unsafe Unmanaged.passUnretained(received)
        unsafe _ = tm_curl_writer(handle, receive, context.toOpaque())
        unsafe errorText.pointee = 0
        let code = withExtendedLifetime(received) { unsafe curl_easy_perform(handle) }
        guard !received.isFull else { throw .tooLarge(bytesMax: settings.answerBytesMax) }
        guard code == CURLE_OK else { throw error(code) }
        return WebAnswer(status: unsafe tm_curl_status(handle), body: received.bytes)
    }

    private func error(_ code: CURLcode) -> WebError {
        var text = unsafe String(cString: errorText)
        if text.isEmpty { text = unsafe String(cString: curl_easy_strerror(code)) }
        switch code {
        case CURLE_SSL_CERTPROBLEM:
            return .settings("the certificate or its key cannot be used (\(text))")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER,
            CURLE_SSL_ISSUER_ERROR:
            return .tls(text)
        // In TLS 1.3 a server says no to a client's certificate once the client believes to be done.
        case CURLE_RECV_ERROR where text.contains("alert"): return .tls(text)
        case CURLE_SSL_CACERT_BADFILE: return .settings(text)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return .redirected("it redirects to where no request is made (\(text))")
        case CURLE_TOO_MANY_REDIRECTS:
            return .redirected("more than \(settings.redirectsMax) redirects")
        case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2: return .notHTTP(text)
        default: return .unreachable(text)
        }
    }
}

/// The body of one answer, within a bound.
private final class Received {
    let bytesMax: Int
    private(set) var bytes: [UInt8] = []
    private(set) var isFull = false

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// - Returns: whether there was room.
    func append(_ more: UnsafeRawBufferPointer) -> Bool {
        guard more.count <= bytesMax - bytes.count else {
            isFull = true
            return false
        }
        unsafe bytes.append(contentsOf: more)
        return true
    }
}

/// Thread: that of `curl_easy_perform`, inside it.
private func receive(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
    let received = unsafe Unmanaged<Received>.fromOpaque(context).takeUnretainedValue()
    let whole = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    // Anything but the count ends the transfer.
    return unsafe received.append(whole) ? whole.count : 0
}
