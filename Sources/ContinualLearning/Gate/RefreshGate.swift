import Records

/// Decides whether a refreshed candidate may take the place of what is served.
///
/// Both predicted the same examples before their labels were known, all of them later than what
/// the candidate was trained on. Harm is how much larger the candidate's log-loss is, as a part of
/// the served one (the same part of the normalized entropy). The bounds hold at every moment
/// together, so that a verdict may be asked for after each batch.
public struct RefreshGate: Sendable {
    /// What is to be done with the candidate.
    public enum Outcome: String, Codable, Sendable {
        /// Take the candidate, drop it, or ask again after more examples.
        case promote, reject, wait
    }

    /// What holds when examples run out before the evidence suffices.
    public enum BoundVerdict: String, Codable, Sendable, CaseIterable {
        /// The outcome of this name, whatever the evidence.
        case promote, reject
        /// Promote when the candidate's log-loss over everything is not the larger one.
        case better
    }

    /// How much harm is allowed, and how sure a verdict must be.
    public struct Configuration: Sendable, Hashable {
        /// Harm over everything below which a candidate is promoted and above which it is
        /// rejected.
        public var margin: Double
        /// Harm of a slice that promotion must exclude. A slice is rejected above `margin`; being
        /// small, it would need too long to show as little.
        public var sliceMargin: Double
        /// Probability of a wrong rejection, and of a wrong promotion, over all candidates that
        /// one champion meets and all slices.
        public var alpha: Double
        /// The number of examples at which the bounds are tightest.
        public var tunedFor = 2_000
        /// Examples and users that a verdict takes at least: below, the bounds are not normal.
        public var examplesMin: Int
        /// Users that a verdict takes at least.
        public var usersMin: Int
        /// Examples after which `atBound` holds.
        public var examplesMax: Int
        /// What holds then.
        public var atBound: BoundVerdict
        /// Whether harm over everything that is shown, however little, rejects where harm above the
        /// margin is ruled out: margins that are granted again and again would add up.
        public var refusesKnownHarm = false

        /// The defaults: 0.5 % of harm, 2 % in a slice, an error of 1 %, and a rejection at the
        /// bound.
        public init(
            margin: Double = 0.005, sliceMargin: Double = 0.02, alpha: Double = 0.01,
            examplesMin: Int = 250, usersMin: Int = 30, examplesMax: Int = 50_000,
            atBound: BoundVerdict = .reject
        ) {
            self.margin = margin
            self.sliceMargin = sliceMargin
            self.alpha = alpha
            self.examplesMin = examplesMin
            self.usersMin = usersMin
            self.examplesMax = examplesMax
            self.atBound = atBound
        }
    }

    /// The evidence on one slice. Harm and its bounds are parts of the served log-loss; `nil` while
    /// there are too few examples to tell.
    public struct Evidence: Codable, Sendable, Equatable {
        /// Its name; `everything` for all examples.
        public var slice: String
        /// Examples compared.
        public var examples: Int
        /// Users they are of.
        public var users: Int
        /// The estimate; below 0 the candidate is better.
        public var harm: Double?
        /// The lower bound of harm.
        public var lower: Double?
        /// The upper bound of harm.
        public var upper: Double?
    }

    /// What the evidence says, and the evidence.
    public struct Verdict: Codable, Sendable, Equatable {
        /// What is to be done with the candidate.
        public var outcome: Outcome
        /// The slice that was found harmed, or that promotion still waits for; `nil` if none.
        public var slice: String?
        /// The evidence ran out: `outcome` is what is configured for that.
        public var atBound: Bool
        /// Over everything first, then by slice in the order given.
        public var evidence: [Evidence]
    }

    /// The name of the slice that takes every example.
    public static let everything = "all"

    let configuration: Configuration
    /// The part of alpha that each slice has.
    private let sliceAlpha: Double
    private var names: [String]
    private var sequences: [PairedSequence]
    private var index: [String: Int]

    /// - Parameters:
    ///   - slices: the slices to watch, known before the first example; each costs power.
    ///   - candidate: which candidate of this champion it is, from 1: the j-th gets α / j(j+1), and
    ///     all together α.
    public init(
        slices: [String], candidate: Int = 1, configuration: Configuration = Configuration()
    ) {
        self.configuration = configuration
        names = [Self.everything]
        index = [Self.everything: 0]
        for name in slices where index[name] == nil {
            index[name] = names.count
            names.append(name)
        }
        sequences = Array(repeating: PairedSequence(), count: names.count)
        let number = Double(max(1, candidate))
        sliceAlpha = configuration.alpha / (number * (number + 1)) / Double(names.count)
    }

    /// Examples compared so far, over everything.
    public var examples: Int { sequences[0].examples }

    /// Takes one example that both predicted.
    ///
    /// What is no finite number speaks against the candidate as much as certainty of the wrong
    /// label; without a finite served logit there is nothing to compare with.
    public mutating func observe(
        served: Double, candidate: Double, label: Bool, weight: Double = 1, user: String,
        slices: [String]
    ) {
        observe(
            in: [Self.everything] + slices, served: served, candidate: candidate, label: label,
            weight: weight, user: user)
    }

    /// Likewise, in the named slices alone.
    mutating func observe(
        in names: [String], served: Double, candidate: Double, label: Bool, weight: Double,
        user: String
    ) {
        guard served.isFinite, weight.isFinite, weight > 0 else { return }
        let certain = label ? -LogitHistogram.logitMax : LogitHistogram.logitMax
        let logit = candidate.isFinite ? candidate : certain
        let before = logLoss(logit: served, label: label)
        let after = logLoss(logit: logit, label: label)
        let user = StableHash.of(user)
        var seen: Set<Int> = []
        for name in names {
            guard let slice = index[name], seen.insert(slice).inserted else { continue }
            sequences[slice].add(
                difference: weight * (after - before), served: weight * before, user: user)
        }
    }

    /// What the evidence says now.
    ///
    /// - Parameter isLast: whether there will be no more of it, and the candidate's successor is to come.
    public func verdict(isLast: Bool = false) -> Verdict {
        let evidence = names.indices.map(evidence)
        func decided(_ outcome: Outcome, _ slice: Int?, atBound: Bool = false) -> Verdict {
            Verdict(
                outcome: outcome, slice: slice.map { names[$0] }, atBound: atBound,
                evidence: evidence)
        }
        if evidence.contains(where: { $0.lower ?? 0 > configuration.margin }) {
            return decided(.reject, mostHarmed(evidence))
        }
        let open = evidence.indices.first { slice in
            let margin = slice == 0 ? configuration.margin : configuration.sliceMargin
            return evidence[slice].upper ?? .infinity >= margin
        }
        guard let open else {
            let isKnownHarm = configuration.refusesKnownHarm && evidence[0].lower ?? 0 > 0
            return isKnownHarm ? decided(.reject, 0) : decided(.promote, nil)
        }
        if isLast { return decided(isClearlyBetter ? .promote : .reject, open, atBound: true) }
        guard examples >= configuration.examplesMax else { return decided(.wait, open) }
        switch configuration.atBound {
        case .promote: return decided(.promote, open, atBound: true)
        case .reject: return decided(.reject, open, atBound: true)
        case .better:
            let better = sequences[0].mean <= 0
            return decided(better ? .promote : .reject, open, atBound: true)
        }
    }

    /// Whether the candidate is better over everything, and worse in no slice, by more than chance does once
    /// in twenty looks: what is asked where this is the last one.
    private var isClearlyBetter: Bool {
        let all = sequences[0]
        guard all.examples >= configuration.examplesMin, all.users.count >= configuration.usersMin
        else { return false }
        return all.mean + Self.lastLook * all.deviation < 0
            && sequences.dropFirst().allSatisfy {
                $0.examples < configuration.examplesMin
                    || $0.mean - Self.lastLook * $0.deviation <= 0
            }
    }

    /// One-sided 95 % of a normal distribution, in standard deviations.
    private static let lastLook = 1.645

    /// The verdict of no gate at all: everything is promoted. The evidence is still told.
    public func unguardedVerdict() -> Verdict {
        Verdict(
            outcome: .promote, slice: nil, atBound: false, evidence: names.indices.map(evidence))
    }

    /// The slice with most certain harm; everything only if no slice is certainly harmed.
    private func mostHarmed(_ evidence: [Evidence]) -> Int {
        let slices = evidence.indices.dropFirst().filter { evidence[$0].lower ?? 0 > 0 }
        return slices.max { evidence[$0].lower ?? 0 < evidence[$1].lower ?? 0 } ?? 0
    }

    private func evidence(_ slice: Int) -> Evidence {
        let sequence = sequences[slice]
        var found = Evidence(
            slice: names[slice], examples: sequence.examples, users: sequence.users.count)
        guard sequence.examples >= configuration.examplesMin,
            sequence.users.count >= configuration.usersMin, sequence.served > 0
        else { return found }
        let unit = sequence.served / Double(sequence.examples)
        let radius = sequence.radius(alpha: sliceAlpha, tunedFor: configuration.tunedFor)
        found.harm = sequence.mean / unit
        found.lower = (sequence.mean - radius) / unit
        found.upper = (sequence.mean + radius) / unit
        return found
    }
}

// MARK: Bytes

extension RefreshGate {
    /// Everything of an open gate: it goes on after a restart as if nothing had been.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.integer(1 as UInt8)
        writer.double(sliceAlpha)
        writer.array(Array(zip(names, sequences))) { writer, slice in
            writer.shortString(slice.0)
            slice.1.write(to: &writer)
        }
        return writer.bytes
    }

    /// - Throws: `ByteCodingError` for bytes that are no gate.
    public init(
        bytes: [UInt8], configuration: Configuration = Configuration()
    ) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "a gate of another version")
        }
        self.configuration = configuration
        sliceAlpha = try reader.double()
        let slices = try reader.array { (reader) throws(ByteCodingError) in
            (name: try reader.shortString(), sequence: try PairedSequence(from: &reader))
        }
        try reader.finish()
        names = slices.map(\.name)
        sequences = slices.map(\.sequence)
        index = Dictionary(zip(names, names.indices)) { first, _ in first }
        guard names.first == Self.everything, index.count == names.count else {
            throw .badValue(at: 9, "slices of no gate")
        }
    }
}
