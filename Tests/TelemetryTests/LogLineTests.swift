import ContinualLearning
import Foundation
import Records
import Telemetry
import Testing

/// Texts as a producer may send them, to make a line that nobody wrote.
private let forgeries = [
    "K\n2026-11-29T12:00:00.000Z info FORGED", "a\rb", "tab\tbed", "u\u{2028}v", "u\u{2029}v",
    "n\u{85}l", "red \u{1b}[31mtext\u{1b}[0m", "c1 \u{9b}31m", "bell\u{7}", "zero\u{0}byte",
    "turned \u{202e}txet", "\u{2066}isolated\u{2069}", "mark\u{200f}s\u{61c}", "\u{feff}bom",
    "del\u{7f}", "tag\u{e0041}", "form\u{c}feed", "vertical\u{b}tab", "file\u{1c}\u{1d}\u{1e}end",
]

/// What any of the usual readers of lines takes for the end of one.
private let lineEnds: Set<Unicode.Scalar> = [
    "\n", "\r", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}",
]

@Suite struct LogLineTests {
    @Test("a line of the text format is one line, whatever its texts hold", arguments: forgeries)
    func textLine(forgery: String) {
        let line = LogFormat.text.line(
            timeMs: 1_795_953_000_007, level: "warning", message: "dead letter: \(forgery)",
            fields: ["category": forgery])
        #expect(line.unicodeScalars.last == "\n")
        let inside = line.unicodeScalars.dropLast()
        #expect(!inside.contains(where: lineEnds.contains))
        #expect(!inside.contains { $0.properties.generalCategory == .control })
        #expect(!inside.contains { $0.properties.isBidiControl })
        #expect(line.hasPrefix("2026-11-29T11:50:00.007Z warning dead letter: "))
    }

    @Test(
        "a line of the JSON format is one JSON object that gives the texts back",
        arguments: forgeries)
    func jsonLine(forgery: String) throws {
        let line = LogFormat.json.line(
            timeMs: 1_795_953_000_000, level: "critical", message: forgery,
            fields: ["k\"ey\\": forgery], exitCode: 65)
        #expect(line.unicodeScalars.last == "\n")
        #expect(!line.unicodeScalars.dropLast().contains(where: lineEnds.contains))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == forgery)
        #expect(object["k\"ey\\"] as? String == forgery)
        #expect(object["level"] as? String == "critical")
        #expect(object["time"] as? String == "2026-11-29T11:50:00.000Z")
        #expect(object["exit_code"] as? Int == 65)
    }

    @Test("random texts give one line and valid JSON")
    func randomTexts() throws {
        var random = SeededScalars(state: 7)
        for _ in 0..<2_000 {
            let text = random.text(12)
            let plain = LogFormat.text.line(timeMs: 0, level: "info", message: text)
            #expect(
                plain.unicodeScalars.filter(lineEnds.contains).count == 1,
                "\(text.debugDescription)")
            let line = LogFormat.json.line(timeMs: 0, level: "info", message: text)
            let object =
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
            #expect(object?["message"] == text)
        }
    }

    @Test("what is written in any script, and emoji, stays as it is")
    func scripts() {
        for text in [
            "Wasserkocher, 1,7 l – Größe 40 €", "电热水壶", "قوري كهربائي", "चायदानी क्‍ष", "👩‍🍳 Kettle",
            "back\\slash \"quoted\"",
        ] {
            #expect(text.printable == text)
        }
        #expect("a\nb".printable == "a\\nb")
        #expect("a\nb\u{2028}".printableLines == "a\nb\\u{2028}")
    }
}

private struct SeededScalars {
    var state: UInt64

    mutating func text(_ count: Int) -> String {
        var text = String.UnicodeScalarView()
        while text.count < count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let ranges: [UInt32] = [0x80, 0x100, 0x2100, 0x11_0000]
            let value = UInt32(truncatingIfNeeded: state >> 33) % ranges[Int(state >> 62)]
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        return String(text)
    }
}

@Suite struct LineSinkTests {
    /// What comes out of a sink that is made for `isTerminal`.
    private func written(isTerminal: Bool, _ body: (LineSink) -> Void) -> String {
        let pipe = Pipe()
        body(
            LineSink(
                descriptor: pipe.fileHandleForWriting.fileDescriptor, isTerminal: isTerminal))
        try? pipe.fileHandleForWriting.close()
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    @Test("a line that comes while a bar is drawn clears it, and it is drawn again behind")
    func lineBesideBar() {
        let text = written(isTerminal: true) { sink in
            sink.draw(bar: "replay [██··]")
            sink.write("a warning\n")
            sink.draw(bar: "replay [███·]")
            sink.endBar()
            sink.write("done\n")
        }
        #expect(
            text == "\r\u{1b}[Kreplay [██··]" + "\r\u{1b}[Ka warning\nreplay [██··]"
                + "\r\u{1b}[Kreplay [███·]" + "\n" + "done\n")
    }

    @Test("where there is no terminal, no bar is drawn")
    func noTerminal() {
        let text = written(isTerminal: false) { sink in
            sink.draw(bar: "replay [██··]")
            sink.write("a warning\n")
            sink.endBar()
        }
        #expect(text == "a warning\n")
    }

    @Test("a line that cannot be written ends nothing")
    func closed() {
        let sink = LineSink(descriptor: -1, isTerminal: false)
        sink.write("nobody reads this\n")
    }
}

@Suite struct RefreshSentenceTests {
    private enum Verdict {
        case promoted, waits
        case rejected(category: String?)
        case harmsAnchors(Double?, category: String?)
        case shifted(category: String, expected: Double, observed: Double)
    }

    private func judgement(
        _ verdict: Verdict, harm: Double?, atLeast: Double? = nil, atMost: Double? = nil
    ) -> String {
        func result(_ outcome: RefreshGate.Outcome, _ harm: Double?, _ slice: String?) -> GateResult
        {
            var result = GateResult(
                .refresh, example: 5_000, judged: 2_000, outcome: outcome, harm: harm)
            result.slice = slice
            result.bounds = GateResult.Bounds(lower: atLeast, upper: atMost, margin: 0.005)
            result.training = GateResult.Training(steps: 40, moved: 0.25)
            return result
        }
        switch verdict {
        case .promoted: return result(.promote, harm, nil).sentence
        case .waits: return result(.wait, harm, nil).sentence
        case .rejected(let category): return result(.reject, harm, category).sentence
        case .harmsAnchors(let harm, let category):
            var told = result(.reject, harm, category)
            told.byAnchors = true
            return told.sentence
        case .shifted(let category, let expected, let observed):
            var told = result(.reject, harm, category)
            told.shift = LabelShift.Finding(
                slice: category, examples: 500, expected: expected, observed: observed)
            return told.sentence
        }
    }

    @Test("an event makes a line and counts by its kind, whatever the level of the log")
    func counted() {
        let log = EventLogger(level: .error, format: .text)
        log.emit(.deadLetter(position: "events:0:1", reason: "no JSON"))
        log.emit(.deadLetter(position: "events:0:2", reason: "no JSON"))
        log.emit(.roomAgain)
        #expect(log.counts.byKind == ["dead_letter": 2, "room_again": 1])
        let samples = log.counts.metric.samples
        #expect(samples.filter { $0.value > 0 }.map(\.value) == [2, 1])
        // Those that were not there yet are counted from 0.
        #expect(samples.contains { $0.value == 0 && $0.labels[0].value == "drift_found" })
        #expect(samples.count == Set(samples.map { $0.labels[0].value }).count)
    }

    @Test("the level of the log can be changed while it is written")
    func level() throws {
        let log = EventLogger(level: .error, format: .text)
        let copy = log
        copy.level = .debug
        #expect(log.level == .debug)
    }

    @Test("heads that are rejected say how much, where, and which labels have shifted")
    func heads() {
        var result = GateResult(.heads, example: 9_000, judged: 800, outcome: .reject, harm: 0.2)
        result.harmOfAll = 0.031
        result.slice = "Toys"
        #expect(
            result.sentence == "heads rejected on 800 anchors, harm 3.1 %; harmed: Toys")
        result.shift = LabelShift.Finding(
            slice: "Toys", examples: 500, expected: 0.05, observed: 0.2)
        #expect(
            result.sentence.hasSuffix(
                "harmed: Toys; 20.0 % of its newest labels are positive where 5.0 % were predicted: shifted or poisoned, a person must say"
            ))
        let passed = GateResult(.heads, example: 9_000, judged: 800, outcome: .promote, harm: nil)
        #expect(passed.sentence == "heads promoted on 800 anchors")
    }

    @Test("a refresh that is promoted though its log-loss was higher says why")
    func promotedThoughHigher() {
        #expect(
            judgement(.promoted, harm: 0.002, atLeast: -0.0005, atMost: 0.0045)
                == "refreshed adapters promoted, as no worse than what served: the difference in "
                + "log-loss on 2000 fresh examples (0.20 % more) is within chance, and more than "
                + "0.50 % (guards.gate_harm) is ruled out, at most 0.45 % with what chance allows; "
                + "40 steps, weights moved by 0.250")
        #expect(
            judgement(.promoted, harm: -0.013).hasPrefix(
                "refreshed adapters promoted: log-loss was 1.30 % lower than what served on 2000 fresh examples;"
            ))
        #expect(judgement(.promoted, harm: nil).contains("not compared with what served"))
    }

    @Test("one that is rejected says by what, also where its log-loss over all was lower")
    func rejected() {
        #expect(
            judgement(.rejected(category: nil), harm: 0.002, atLeast: 0.0001, atMost: 0.004)
                .contains(
                    "0.20 % higher than what served on 2000 fresh examples, little, but more than chance"
                ))
        #expect(
            judgement(.rejected(category: "Toys"), harm: -0.001)
                .contains("they predict category Toys worse; over all, log-loss was 0.10 % lower"))
        #expect(
            judgement(.harmsAnchors(0.03, category: nil), harm: -0.001)
                .contains("rejected: on the anchors log-loss was 3.00 % higher than what served;"))
        #expect(
            judgement(.shifted(category: "Toys", expected: 0.05, observed: 0.2), harm: -0.001)
                .contains(
                    "20.0 % of the newest labels of Toys are positive where 5.0 % were predicted"))
        #expect(
            judgement(.waits, harm: 0.002, atLeast: -0.01, atMost: 0.02)
                .contains(
                    "wait for more evidence: log-loss was 0.20 % higher than what served on 2000 fresh examples so far, at most 2.00 %"
                ))
    }
}
