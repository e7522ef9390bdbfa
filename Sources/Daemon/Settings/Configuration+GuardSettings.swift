import ContinualLearning

extension Configuration {
    static let guardSettings: [Setting] = [
        .list(
            "guards.enabled", \.guards.enabled,
            expects: "a list of " + Guard.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { value in
                guard case .scalar(let text) = value else { return nil }
                return Guard(rawValue: text)
            },
            write: { $0.rawValue }, valid: { Set($0).count == $0.count },
            "Guards of a refresh in force; `tidemark ablate` tells what each is worth on a log."),
        .integer(
            "guards.replay_examples", \.guards.replayExamples, 1_000...100_000_000,
            "Examples kept in replay memory, from which a refresh rebuilds the posterior."),
        .integer(
            "guards.replay_recent", \.guards.replayRecent, 0...100_000_000,
            "Of these, the newest are all kept; older ones are a stratified sample."),
        .number(
            "guards.gate_alpha", \.guards.gateAlpha, 0.000001...0.5,
            "Chance of a wrong verdict of the gate, over all its slices."),
        .number(
            "guards.gate_harm", \.guards.gateHarm, 0...1,
            "Harm, as a share of the log-loss, above which a refresh is rejected."),
        .integer(
            "guards.gate_slices", \.guards.gateSlices, 0...256,
            "Categories that the gate judges one by one, the largest first; 0: all together only."),
        .integer(
            "guards.anchor_every", \.guards.anchorEvery, 0...1_000_000,
            "One example in so many is an anchor: predicted, never learned, and what heads and refreshes are judged by; 0: none."
        ),
        .integer(
            "guards.anchor_examples", \.guards.anchorExamples, 1_000...10_000_000,
            "Anchors kept, the newest."),
        .duration(
            "guards.head_gate", \.guards.headGateMs, 0...(365 * 86_400_000),
            "Event time between two judgements of the heads by their anchors; 0: never, and labels are not looked at either."
        ),
        .integer(
            "guards.head_gate_examples", \.guards.headGateExamples, 1...1_000_000_000,
            "Examples between two judgements, at least."),
        .number(
            "guards.head_harm", \.guards.headHarm, 0...1,
            "Harm, as a share of the anchors' log-loss, above which heads and refreshes are rejected by them, whatever the level that all categories share."
        ),
        .integer(
            "guards.rollback_after", \.guards.rollbackAfter, 0...1_000,
            "Rejections of the heads, with no pass between, after which the weights go back to the newest state that passed; each further time takes twice as many. 0: never."
        ),
        .number(
            "guards.label_shift", \.guards.shift, 0...100,
            "Share by which the positives of a category may differ for good from what was predicted; beyond, and beyond chance, its labels have shifted or are poisoned: no refresh and no heads pass."
        ),
        .duration(
            "guards.label_shift_window", \.guards.shiftWindowMs, 0...(365 * 86_400_000),
            "Event time within which such a shift counts as sudden; what took longer is a change of the world, and is learned."
        ),
        .choice(
            "guards.on_shift", \.guards.onShift,
            "What else happens then: hold, a person decides; roll_back, it counts as a rejection of the heads."
        ),
        .number(
            "guards.ewc_strength", \.guards.ewcStrength, 0...1_000_000,
            "How firmly the guard ewc holds weights that mattered in earlier refreshes."),
        .number(
            "guards.lwf_strength", \.guards.lwfStrength, 0...1_000,
            "How much, for the guard lwf, the served model's word on a text counts beside the text's labels."
        ),
        .number(
            "guards.averaging_rate", \.guards.averagingRate, 0.0001...1,
            "What one training step counts in the running mean of the guard averaging."),
        .integer(
            "guards.move_after", \.guards.moveAfter, 0...1_000_000_000,
            "Examples that a head has learned before event_move, user_move and hour_move hold: a head that knows nothing yet has to move far."
        ),
        .number(
            "guards.event_move", \.guards.eventMove, 0...100,
            "Logits by which one event may move its own prediction; 0: no bound. One logit is a factor of 2.7 in the odds."
        ),
        .number(
            "guards.user_move", \.guards.userMove, 0...100,
            "Logits by which all events of one shopper in a day may move what is predicted for others; 0: no bound."
        ),
        .number(
            "guards.hour_move", \.guards.hourMove, 0...100,
            "Logits by which all events of an hour may move, in net, what is predicted for anybody; 0: no bound."
        ),
        .choice(
            "guards.on_drift", \.guards.onDrift,
            "What happens when predictions get worse than they say they are: alarm alone, or the next refresh at once."
        ),
    ]

    static let attributionSettings: [Setting] = [
        .duration(
            "attribution.window", \.attribution.windowMs, 1_000...(90 * 86_400_000),
            "A purchase this long after the offer counts for it; after that the offer counts as not taken."
        ),
        .duration(
            "attribution.wait", \.attribution.waitMs, 0...(90 * 86_400_000),
            "An offer not taken for this long is learned as not taken; what comes after it and inside the window corrects that. 0: the window (an hour of it at most for elapsed_time)."
        ),
        .choice(
            "attribution.rule", \.attribution.rule,
            "Which offer a purchase without a known recommendation id counts for: the one clicked last, or the one seen or clicked last."
        ),
        .duration(
            "attribution.lateness", \.attribution.latenessMs, 0...(30 * 86_400_000),
            "How far behind the newest event a late one may be and still be learned."),
        .duration(
            "attribution.click_window", \.attribution.clickWindowMs, 1_000...(30 * 86_400_000),
            "A click this long after an impression counts for it."),
        .duration(
            "attribution.refund_window", \.attribution.refundWindowMs, 0...(365 * 86_400_000),
            "A refund this long after its purchase corrects what was learned from it."),
        .duration(
            "attribution.duplicate_window", \.attribution.duplicateWindowMs,
            0...(30 * 86_400_000), "How long an event id is remembered."),
        .duration(
            "attribution.idle_after", \.attribution.idleAfterMs, 100...(86_400_000),
            "A partition that brought nothing for this long no longer holds windows of the others open."
        ),
        .duration(
            "attribution.skew_max", \.attribution.skewMaxMs, 0...(30 * 86_400_000),
            "An event further ahead of its Kafka timestamp, or of the daemon's clock, goes to the dead letters."
        ),
        .duration(
            "attribution.leap_max", \.attribution.leapMaxMs, 1_000...(90 * 86_400_000),
            "An event further ahead than this of all that came before does not close windows until others agree: eight shoppers of its partition, another partition, or the clock."
        ),
        .integer(
            "attribution.open_max", \.attribution.openMax, 100...100_000_000,
            "Offers waiting for an outcome; 200000 are 55 a second over an hour's wait (check --rate tells). On overflow the oldest close early, learned as not taken with the weight that is left to them."
        ),
        .integer(
            "attribution.pending_max", \.attribution.pendingMax, 100...100_000_000,
            "Events held back for the lateness; on overflow the oldest are taken early, counted as hurried."
        ),
        .integer(
            "attribution.duplicates_max", \.attribution.duplicatesMax, 100...100_000_000,
            "Event ids remembered to recognise duplicates."),
        .integer(
            "attribution.purchases_max", \.attribution.purchasesMax, 100...100_000_000,
            "Purchases remembered so that refunds find them, at most."),
        .names(
            "attribution.shared_ids", \.attribution.sharedIDs,
            "User ids that many guests share. Where an event with one has an anonymous_id or a session_id, that is its shopper, and nobody is joined to one. The report names shoppers that user_move limits again and again (guards.bounded_users): look for further ids there."
        ),
    ]
}
