import ContinualLearning
import ResponseModel

/// The judgement of the heads by the hour. They stay in service whatever comes of it; a state that
/// passes may be gone back to, and after enough rejections is.
extension Engine {
    /// Whether an hour of event time, and enough examples, have passed since the last judgement.
    public var isHeadGateDue: Bool { safety.isGateDue(counters.examples) }

    /// Why the weights are to go back to the champion, which is for the owner of the store to do.
    public var owedRollback: String? { safety.gate.owed }

    /// At a batch boundary: holds what the heads say of their anchors now against what was served.
    mutating func judgeHeads(into output: inout StepOutput) throws {
        guard isHeadGateDue, let lastMs = safety.gate.judgedMs else { return }
        let anchors = configuration.headGate.anchors
        var meter = LevelMeter(oldUntilMs: lastMs - anchors.ageMs, every: anchors.every)
        safety.gate.begin(counters.examples)
        let texts = try memory.anchorTexts(stream.catalog, atMs: safety.gate.clockMs)
        let vectors = try stream.catalog.vectors(of: texts)
        let gate = try safety.anchorGate(
            memory, stream.catalog, candidate: safety.gate.candidates, heads: models.heads,
            vector: { [silent = stream.catalog.silent] in
                $0.text.flatMap { vectors[$0] } ?? silent
            }
        ) { label, example, category, logit in
            // What was guessed of an item never seen says nothing of how levels moved since.
            guard let category, !example.isFirst else { return }
            meter.add(
                .init(head: label.rawValue, name: category), logit: logit,
                served: example.servedLogit, label: example.label, weight: example.weight,
                tsMs: example.exposure.tsMs)
        }
        let verdict = gate.verdict()
        let shift = try labelShift(judgements: LevelHistory.countMax)
        safety.labels.step(meter, next: memory.replay.inserted, tsMs: safety.gate.clockMs)
        let told = safety.judge(verdict, shift: shift, anchors: gate.examples)
        switch told.outcome {
        case .promote: counters.headPassed += 1
        case .reject: counters.headRejected += 1
        case .wait: break
        }
        output.notices.append(.headsJudged(told))
        guard told.rollsBack else { return }
        counters.selfRollbacks += 1
        safety.gate.owe(told.reason)
    }

    /// Whether the newest labels that are final are others than was predicted of them.
    mutating func labelShift(judgements: Int) throws -> LabelShift.Finding? {
        try safety.labelShift(
            memory, stream.catalog, heads: models.heads.labels.map(\.rawValue),
            judgements: judgements)
    }
}
