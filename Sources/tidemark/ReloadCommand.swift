import ArgumentParser
import Daemon
import Telemetry
import Terminal

extension LogLevel: ExpressibleByArgument {}

/// `tidemark reload`: has a running daemon read its configuration again.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Have the daemon read its configuration again.",
        discussion: """
            As SIGHUP does it. What can change while the daemon runs is taken up; every other key whose \
            value has changed is named, and holds from the next start on. A configuration with a mistake \
            changes nothing. Tokens and certificates need no reload: their files are looked at all the time.
            """)

    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    private struct Body: Encodable {
        let who: String
    }

    func run() throws {
        try reportingFailures {
            let outcome: ReloadOutcome = try place.ask(
                ["v1", "reload"], Body(who: audit.who), or: .reload(who: audit.who)
            ) { reply in
                if case .reloaded(let outcome) = reply { outcome } else { nil }
            }
            if place.json { return print(try jsonText(outcome)) }
            show(outcome.sentence)
        }
    }
}

/// `tidemark log-level`: has a running daemon's log be told more, or less.
struct LogLevelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-level", abstract: "Have the daemon's log be told more, or less.",
        discussion: """
            Until the daemon reads its configuration again, at the latest at its next start.
            """)

    @Argument(help: "One of debug, info, warning, error.") var level: LogLevel
    @Option(help: "Why, for the audit.") var reason: String?
    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    private struct Body: Encodable {
        let level: LogLevel
        let reason: String?
        let who: String
    }

    private struct Answer: Codable {
        let level: LogLevel
    }

    func run() throws {
        try reportingFailures {
            let answer: Answer = try place.ask(
                ["v1", "log-level"], Body(level: level, reason: reason, who: audit.who),
                or: .logLevel(level, reason: reason ?? "", who: audit.who)
            ) { reply in
                if case .logLevel(let level) = reply { Answer(level: level) } else { nil }
            }
            if place.json { return print(try jsonText(answer)) }
            show("the log's level is \(answer.level.rawValue) now")
        }
    }
}

extension PlaceArguments {
    /// Asks the daemon elsewhere, or the one that has the store open.
    ///
    /// - Parameters:
    ///   - path: of the daemon elsewhere, which is sent the body.
    ///   - request: for the one that has the store open.
    ///   - take: the answer in its reply; `nil` for a reply to something else.
    /// - Throws: `RequestError.noDaemon` where none has it open.
    fileprivate func ask<Answer: Decodable>(
        _ path: [String], _ body: some Encodable, or request: ControlRequest,
        _ take: (ControlReply) -> Answer?
    ) throws -> Answer {
        if let remote = try remote() { return try decoded(try remote.post(path, body)) }
        guard let daemon = try DaemonConnection(store: store.path) else {
            throw RequestError.noDaemon(store: store.path)
        }
        guard let answer = take(try daemon.ask(request)) else {
            throw RequestError.badRequest("the daemon answered something else")
        }
        return answer
    }
}
