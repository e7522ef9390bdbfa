import ArgumentParser
import Daemon
import Foundation
import Terminal

/// `tidemark top`: the daemon at a glance, drawn anew each second.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "The daemon at a glance, drawn anew each second.",
        discussion: """
            Asks the daemon that has the store open, or the one at --url, which tells more: whether it is \
            ready, and the newest scores. Ctrl-C ends it. Where standard output is no terminal, and with \
            --once or --json, it tells once and ends.
            """)

    @Flag(help: "Tell once, and end.") var once = false
    @OptionGroup var place: PlaceArguments

    private static let answerSeconds = 5.0
    private static let everyMs = 1000

    func run() throws {
        try reportingFailures {
            if place.json { return print(try jsonText(try ask())) }
            guard !once, isatty(STDOUT_FILENO) == 1 else {
                return show(lines(try ask(), nil).joined(separator: "\n"))
            }
            try redraw()
        }
    }

    private var name: String { place.url ?? place.path ?? "" }

    private func lines(_ figures: TopFigures, _ rates: [Double]?) -> [String] {
        TopScreen.lines(figures, rates: rates, place: name, nowMs: wallTimeMs())
    }

    private func ask() throws -> TopFigures {
        if let remote = try place.remote(timeoutSeconds: Self.answerSeconds) {
            return TopFigures(
                try decoded(try remote.get(["v1", "status"]), as: RemoteStatus.self))
        }
        guard let daemon = try DaemonConnection(store: place.store.path) else {
            throw RequestError.noDaemon(store: place.store.path)
        }
        guard case .status(let status) = try daemon.ask(.status) else {
            throw RequestError.badRequest("the daemon answered something else")
        }
        return TopFigures(status)
    }

    /// Until a signal; a daemon that does not answer is asked again.
    private func redraw() throws {
        // Whoever is not there at the beginning is a mistake of the call.
        var figures = try ask()
        StopSignal.install()
        var rates = GrowthRates()
        write(TopScreen.begin)
        defer { write(TopScreen.end) }
        while true {
            let grown = rates.take(
                [figures.events, figures.examples, figures.recommendations], at: .now)
            draw(lines(figures, grown))
            while true {
                guard waits() else { return }
                do {
                    figures = try ask()
                    break
                } catch { draw(["tidemark  \(name)", "", "no answer: \(sentence(of: error))"]) }
            }
        }
    }

    /// Waits until it is time for the next look.
    ///
    /// - Returns: whether there is one.
    private func waits() -> Bool {
        let next = ContinuousClock.now + .milliseconds(Self.everyMs)
        while ContinuousClock.now < next {
            if StopSignal.isReceived { return false }
            usleep(20_000)
        }
        return !StopSignal.isReceived
    }

    private func draw(_ lines: [String]) {
        let size = TopScreen.size()
        write(TopScreen.frame(lines, columns: size.columns, rows: size.rows))
    }

    private func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
