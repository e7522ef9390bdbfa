import WebClient

/// Asks a registry over HTTP.
///
/// Thread: one at a time; a call waits, so it belongs on a thread that may. One connection is kept open
/// between calls.
public final class CurlTransport: RegistryTransport {
    private let client: WebClient

    /// - Throws: `RegistryError.settings` for a URL, a file or credentials that cannot be used.
    public init(_ configuration: RegistryConfiguration) throws(RegistryError) {
        var settings = WebSettings(url: try configuration.checkedURL())
        settings.credentials =
            switch configuration.credentials {
            case .none: .none
            case .basic(let user, let password): .basic(user: user, password: password)
            case .bearer(let token): .bearer(token)
            }
        settings.headers = [
            "Accept: application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, "
                + "application/json"
        ]
        settings.bodyType = "application/vnd.schemaregistry.v1+json"
        settings.authorityFile = configuration.authorityFile
        settings.certificateFile = configuration.certificate?.file
        settings.keyFile = configuration.certificate?.keyFile
        settings.keyPassword = configuration.certificate?.keyPassword
        settings.connectTimeoutMs = configuration.connectTimeoutMs
        settings.timeoutMs = configuration.timeoutMs
        settings.redirectsMax = RegistryConfiguration.redirectsMax
        settings.answerBytesMax = configuration.answerBytesMax
        do { client = try WebClient(settings) } catch { throw RegistryError(error) }
    }

    /// - Parameter path: with its query, from the registry's URL on.
    /// - Throws: `RegistryError` where there is no answer.
    public func get(_ path: String) throws(RegistryError) -> RegistryAnswer {
        do { return RegistryAnswer(try client.get(path)) } catch { throw RegistryError(error) }
    }

    /// - Parameter body: JSON.
    /// - Throws: `RegistryError` where there is no answer.
    public func post(_ path: String, _ body: [UInt8]) throws(RegistryError) -> RegistryAnswer {
        do { return RegistryAnswer(try client.post(path, body)) } catch {
            throw RegistryError(error)
        }
    }
}

extension RegistryAnswer {
    fileprivate init(_ answer: WebAnswer) {
        self.init(status: answer.status, body: answer.body)
    }
}

extension RegistryError {
    fileprivate init(_ error: WebError) {
        self =
            switch error {
            case .settings(let what): .settings(what)
            case .unreachable(let what): .unreachable(what)
            case .tls(let what): .tls(what)
            case .notHTTP(let what), .redirected(let what): .notRegistry(what)
            case .tooLarge(let bound): .tooLarge(bytesMax: bound)
            }
    }
}
