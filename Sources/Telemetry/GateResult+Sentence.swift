import ContinualLearning

extension GateResult {
    /// What became of it, and why, as the log tells it.
    package var sentence: String {
        switch subject {
        case .refresh: refreshSentence
        case .heads: headsSentence
        }
    }

    private var refreshSentence: String {
        guard let training else { return refreshVerdict }
        return
            "\(refreshVerdict); \(training.steps) steps, weights moved by \(decimals(training.moved ?? .nan, 3))"
    }

    private var refreshVerdict: String {
        switch outcome {
        case .promote: promoted
        case .wait: "refreshed adapters wait for more evidence: \(compared) so far" + upTo
        case .reject: "refreshed adapters rejected: " + rejection
        }
    }

    private var rejection: String {
        if let shift {
            return "\(percent(shift.observed, 1)) of the newest labels"
                + (category.map { " of \($0)" } ?? "")
                + " are positive where \(percent(shift.expected, 1)) were predicted: shifted or poisoned, a person must say"
        }
        if byAnchors {
            return "on the anchors" + (category.map { " of category \($0)" } ?? "") + " "
                + difference
        }
        return (category.map { "they predict category \($0) worse; over all, " } ?? "") + compared
            + (isSmallHarm ? ", little, but more than chance explains" : "")
    }

    private var promoted: String {
        guard let harm else { return "refreshed adapters promoted, not compared with what served" }
        guard harm > 0, let bounds else { return "refreshed adapters promoted: \(compared)" }
        return
            "refreshed adapters promoted, as no worse than what served: "
            + "the difference in log-loss on \(judged) fresh examples (\(percent(harm, 2)) more) "
            + "is within chance, and more than \(percent(bounds.margin, 2)) (guards.gate_harm) is ruled out"
            + upTo
    }

    private var compared: String { difference + " on \(judged) fresh examples" }

    private var difference: String {
        harm.map {
            "log-loss was \(percent(abs($0), 2)) \($0 <= 0 ? "lower" : "higher") than what served"
        } ?? "log-loss was not compared"
    }

    private var upTo: String {
        bounds?.upper.map { ", at most \(percent($0, 2)) with what chance allows" } ?? ""
    }

    /// Whether harm was shown, and none above the margin.
    private var isSmallHarm: Bool {
        guard let bounds else { return false }
        return bounds.lower ?? 0 > 0 && bounds.upper ?? .infinity < bounds.margin
    }

    private var headsSentence: String {
        func rounded(_ share: Double) -> String { "\((1000 * share).rounded() / 10) %" }
        let verdict =
            switch outcome {
            case .promote: "promoted"
            case .reject: "rejected"
            case .wait: "wait for more evidence"
            }
        var line = "heads \(verdict) on \(judged) anchors"
        if let harmOfAll { line += ", harm \(rounded(harmOfAll))" }
        if outcome == .reject, let slice { line += "; harmed: \(slice)" }
        if let shift {
            line +=
                "; \(rounded(shift.observed)) of its newest labels are positive where "
                + "\(rounded(shift.expected)) were predicted: shifted or poisoned, a person must say"
        }
        return line
    }
}

private func percent(_ share: Double, _ places: Int) -> String {
    "\(decimals(100 * share, places)) %"
}
