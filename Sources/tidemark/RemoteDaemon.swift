import ArgumentParser
import Daemon
import Foundation
import Records
import Terminal
import WebClient

/// A daemon that is asked over HTTP, wherever it runs. It follows no redirect: the token is for the daemon
/// that was named, and for nobody else.
struct RemoteDaemon {
    private let base: String
    private let client: WebClient

    /// Which files make the connection safe.
    struct Files {
        /// Of authorities to trust, instead of the system's.
        var authority: String?
        /// With the certificate to show.
        var certificate: String?
        /// With its private key.
        var key: String?
    }

    /// The longest answer, bytes.
    private static let answerBytesMax = 64 << 20
    private static let connectTimeoutMs = 10_000

    /// - Parameters:
    ///   - tokenFile: a file with the bearer token; `nil` asks without one.
    ///   - timeoutSeconds: how long an answer may take.
    /// - Throws: `ExitStatus` for a URL or a file that cannot be used.
    init(
        url: String, tokenFile: String?, files: Files = Files(), timeoutSeconds: Double = 120
    ) throws {
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        guard ["http://", "https://"].contains(where: { base.hasPrefix($0) }),
            let parsed = URL(string: base), parsed.host != nil, parsed.query == nil
        else {
            throw ExitStatus.usage.failure(
                "--url \(url): a URL that begins with http:// or https:// is expected")
        }
        self.base = base
        var settings = WebSettings(url: base)
        settings.timeoutMs = Int(timeoutSeconds * 1000)
        settings.connectTimeoutMs = min(Self.connectTimeoutMs, settings.timeoutMs)
        settings.answerBytesMax = Self.answerBytesMax
        if let tokenFile {
            let text = String(decoding: try Self.bytes(tokenFile, "--token-file"), as: UTF8.self)
            settings.credentials = .bearer(text.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if let file = files.authority {
            _ = try Self.bytes(file, "--ca")
            settings.authorityFile = file
        }
        if let file = files.certificate {
            _ = try Self.bytes(file, "--cert")
            settings.certificateFile = file
        }
        if let file = files.key {
            do { _ = try SecretFile.read(file, place: "--key") } catch {
                throw ExitStatus.usage.failure("\(error)")
            }
            settings.keyFile = file
        }
        do { client = try WebClient(settings) } catch {
            throw ExitStatus.usage.failure(
                tokenFile.map { "--token-file \($0): \(error)" } ?? "\(error)")
        }
    }

    private static func bytes(_ path: String, _ option: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ExitStatus.usage.failure("\(option): \(path) cannot be read")
        }
        return data
    }

    /// - Parameter path: its segments, each as it is, and a query that needs no encoding.
    func get(_ path: [String], query: String = "") throws -> Data {
        try answer { client throws(WebError) in try client.get(Self.text(path) + query) }
    }

    func post(_ path: [String], _ body: some Encodable) throws -> Data {
        let bytes = Array(try JSONText.data(body))
        return try answer { client throws(WebError) in try client.post(Self.text(path), bytes) }
    }

    private static func text(_ path: [String]) -> String {
        let letters = CharacterSet(
            charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:@")
        let segments = path.map {
            $0.addingPercentEncoding(withAllowedCharacters: letters) ?? ""
        }
        return "/" + segments.joined(separator: "/")
    }

    private struct Problem: Decodable {
        let error: String
    }

    /// Waits for the answer.
    private func answer(_ ask: (WebClient) throws(WebError) -> WebAnswer) throws -> Data {
        let answer: WebAnswer
        do { answer = try ask(client) } catch {
            if case .settings = error { throw ExitStatus.usage.failure("\(base): \(error)") }
            throw RemoteError(.unavailable, "\(base): \(error)")
        }
        let data = Data(answer.body)
        guard answer.status != 200 else { return data }
        let sentence =
            (try? JSONDecoder().decode(Problem.self, from: data))?.error
            ?? "\(base) answered with HTTP \(answer.status)"
        throw RemoteError(Self.kind(of: answer.status), sentence)
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

    @Option(
        help: ArgumentHelp(
            "With --url https://…: a file with the certificates (PEM) to trust instead of the system's.",
            valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "With --url https://…: a file with a certificate (PEM) to show, where the daemon has http.tls.client_ca.",
            valueName: "file"))
    var cert: String?

    @Option(
        help: ArgumentHelp(
            "With --cert: a file with its private key (PEM), which only you may read.",
            valueName: "file"))
    var key: String?

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (path == nil) != (url == nil) else {
            throw ValidationError("either --store or --url is needed")
        }
        if tokenFile != nil, url == nil { throw ValidationError("--token-file goes with --url") }
        for (option, value) in [("--ca", ca), ("--cert", cert), ("--key", key)]
        where value != nil && url?.hasPrefix("https://") != true {
            throw ValidationError("\(option) goes with --url https://…")
        }
        guard (cert == nil) == (key == nil) else {
            throw ValidationError("--cert and --key go together")
        }
    }

    /// The daemon elsewhere, where one is meant.
    ///
    /// - Parameter timeoutSeconds: how long an answer may take.
    func remote(timeoutSeconds: Double = 120) throws -> RemoteDaemon? {
        try url.map {
            try RemoteDaemon(
                url: $0, tokenFile: tokenFile,
                files: RemoteDaemon.Files(authority: ca, certificate: cert, key: key),
                timeoutSeconds: timeoutSeconds)
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
