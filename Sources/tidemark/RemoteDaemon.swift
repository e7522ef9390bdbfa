import ArgumentParser
import Daemon
import Foundation
import FoundationNetworking
import Records
import Synchronization
import Terminal

/// A daemon that is asked over HTTP, wherever it runs.
struct RemoteDaemon {
    private let base: String
    private let token: String?
    private let timeoutSeconds: Double

    /// - Parameters:
    ///   - tokenFile: a file with the bearer token; `nil` asks without one.
    ///   - timeoutSeconds: how long an answer may take.
    /// - Throws: `ExitStatus` for a URL or a file that cannot be used.
    init(url: String, tokenFile: String?, timeoutSeconds: Double = 120) throws {
        self.timeoutSeconds = timeoutSeconds
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        guard ["http://", "https://"].contains(where: { base.hasPrefix($0) }),
            let parsed = URL(string: base), parsed.host != nil, parsed.query == nil
        else {
            throw ExitStatus.usage.failure(
                "--url \(url): a URL that begins with http:// or https:// is expected")
        }
        self.base = base
        token = try tokenFile.map { path in
            guard let data = FileManager.default.contents(atPath: path) else {
                throw ExitStatus.usage.failure("--token-file: \(path) cannot be read")
            }
            return String(decoding: data, as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// - Parameter path: its segments, each as it is, and a query that needs no encoding.
    func get(_ path: [String], query: String = "") throws -> Data {
        try ask(request(path, query))
    }

    func post(_ path: [String], _ body: some Encodable) throws -> Data {
        var request = try request(path, "")
        request.httpMethod = "POST"
        request.httpBody = try JSONText.data(body)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        return try ask(request)
    }

    private func request(_ path: [String], _ query: String) throws -> URLRequest {
        let letters = CharacterSet(
            charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:@")
        let segments = path.map {
            $0.addingPercentEncoding(withAllowedCharacters: letters) ?? ""
        }
        let text = base + "/" + segments.joined(separator: "/") + query
        guard let url = URL(string: text) else {
            throw ExitStatus.usage.failure("\(text) is no URL")
        }
        var request = URLRequest(url: url, timeoutInterval: timeoutSeconds)
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        return request
    }

    private struct Problem: Decodable {
        let error: String
    }

    /// Waits for the answer.
    private func ask(_ request: URLRequest) throws -> Data {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<(Int, Data), any Error>?>(nil)
        let session = URLSession(
            configuration: .ephemeral, delegate: NoRedirects(), delegateQueue: nil)
        session.dataTask(with: request) { data, response, error in
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            result.withLock { result in
                if let error {
                    result = .failure(error)
                } else {
                    result = .success((status, data ?? Data()))
                }
            }
            done.signal()
        }.resume()
        done.wait()
        session.finishTasksAndInvalidate()
        guard let outcome = result.withLock({ $0 }) else {
            throw RemoteError(.unavailable, "\(base) did not answer")
        }
        switch outcome {
        case .success((200, let data)): return data
        case .success((let status, let data)):
            let sentence =
                (try? JSONDecoder().decode(Problem.self, from: data))?.error
                ?? "\(base) answered with HTTP \(status)"
            throw RemoteError(Self.kind(of: status), sentence)
        case .failure(let error):
            throw RemoteError(.unavailable, "\(base): \(sentence(of: error))")
        }
    }

    private static func kind(of status: Int) -> ExitStatus {
        switch status {
        case 409: .badData
        case 400..<500: .usage
        case 500: .bug
        default: .unavailable
        }
    }
}

/// Why a daemon elsewhere did not do what it was asked for, in its own words where it has any.
struct RemoteError: ClassifiedFailure, CustomStringConvertible {
    let failureKind: FailureKind
    let description: String

    init(_ kind: FailureKind, _ description: String) {
        failureKind = kind
        self.description = description
    }
}

/// Follows no redirect: the token is for the daemon that was named, and for nobody else.
private final class NoRedirects: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// What a command takes that works on a store here, or on a daemon anywhere.
struct PlaceArguments: ParsableArguments {
    @Option(name: .customLong("store"), help: "The store's folder.")
    var path: String?

    @Option(
        help: ArgumentHelp(
            "Ask the daemon at this address instead, as in http://localhost:9464.",
            valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "With --url: a file with the bearer token, of http.token_file for what changes something.",
            valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (path == nil) != (url == nil) else {
            throw ValidationError("either --store or --url is needed")
        }
        if tokenFile != nil, url == nil { throw ValidationError("--token-file goes with --url") }
    }

    /// The daemon elsewhere, where one is meant.
    ///
    /// - Parameter timeoutSeconds: how long an answer may take.
    func remote(timeoutSeconds: Double = 120) throws -> RemoteDaemon? {
        try url.map {
            try RemoteDaemon(url: $0, tokenFile: tokenFile, timeoutSeconds: timeoutSeconds)
        }
    }

    /// The store here; there is one where there is no daemon elsewhere.
    var store: StoreArguments {
        var arguments = StoreArguments()
        arguments.path = path ?? ""
        arguments.json = json
        return arguments
    }
}

/// What a daemon elsewhere answered, as this program reads it.
func decoded<Answer: Decodable>(_ data: Data, as type: Answer.Type = Answer.self) throws -> Answer {
    do { return try JSONDecoder().decode(type, from: data) } catch {
        throw RemoteError(
            .badData,
            "the daemon's answer is not what this version expects: \(sentence(of: error))")
    }
}
