import ArgumentParser
import Daemon
import Records
import SnapshotStore
import Terminal

extension PausedPart: ExpressibleByArgument {}

/// `tidemark pause`: has a part of the daemon stand still until it is resumed.
struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Have learning or publishing stand still until it is resumed.",
        discussion: """
            Works on the daemon that has the store open, on a store without one, and with --url on a \
            daemon elsewhere. A pause outlives the process. While learning is paused nothing is read, and \
            the daemon is not ready; while publishing is paused what is decided waits in the store.
            """)

    @Argument(help: "What: learning or publishing.") var part: PausedPart
    @Option(help: "Why, for the audit.") var reason: String
    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    func run() throws {
        try reportingFailures {
            try place.setPause(
                part, paused: true, reason: reason, who: audit.who,
                asking: .pause(part, reason: reason, who: audit.who))
        }
    }
}

/// `tidemark resume`: has it go on.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Have learning or publishing go on.")

    @Argument(help: "What: learning or publishing.") var part: PausedPart
    @Option(help: "Why, for the audit.") var reason: String?
    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    func run() throws {
        try reportingFailures {
            try place.setPause(
                part, paused: false, reason: reason, who: audit.who,
                asking: .resume(part, reason: reason ?? "", who: audit.who))
        }
    }
}

extension PlaceArguments {
    private struct Body: Encodable {
        let reason: String?
        let who: String
    }

    private struct Answer: Codable {
        let paused: PauseState
    }

    fileprivate func setPause(
        _ part: PausedPart, paused: Bool, reason: String?, who: String, asking: ControlRequest
    ) throws {
        if let remote = try remote() {
            let answer: Answer = try decoded(
                try remote.post(
                    ["v1", part.rawValue, paused ? "pause" : "resume"],
                    Body(reason: reason, who: who)))
            return try tell(answer.paused)
        }
        if let daemon = try DaemonConnection(store: store.path) {
            guard case .paused(let state) = try daemon.ask(asking) else {
                throw RequestError.badRequest("the daemon answered something else")
            }
            return try tell(state)
        }
        try store.run(.readWrite) { opened in
            try tell(
                try opened.setPause(
                    of: part, paused: paused, reason: reason ?? "", who: who,
                    wallTimeMs: wallTimeMs()))
        }
    }

    private func tell(_ state: PauseState) throws {
        if json { return print(try jsonText(Answer(paused: state))) }
        show(state.lines.joined(separator: "\n"))
    }
}

extension PauseState {
    /// One line a part.
    var lines: [String] {
        PausedPart.allCases.map { part in
            guard let pause = self[part] else { return "\(part.rawValue) goes on" }
            return
                "\(part.rawValue) is paused since \(Timestamp.text(ms: pause.sinceMs)) by \(pause.who): \(pause.reason)"
        }
    }
}
