import Records

/// What each event does when its time has come.
extension AttributionJoin {
    mutating func join(_ event: PendingEvent, into outputs: inout [JoinOutput]) {
        switch event.body {
        case .impression(let offer):
            if let number = sameOffer(offer) {
                counts.repeated += 1
                _ = open.update(number) { $0.touchedMs = event.tsMs }
            } else {
                openExample(.impression, event, offer, into: &outputs)
            }
        case .click(let offer):
            if let number = sameOffer(offer) {
                counts.repeated += 1
                click(number, atMs: event.tsMs, into: &outputs)
            } else {
                openExample(.click, event, offer, into: &outputs)
            }
        case .decision(let offer, let trigger, let isView):
            decide(event, offer, trigger, isView: isView, into: &outputs)
        case .purchase(let purchase): buy(event, purchase, into: &outputs)
        case .refund(let refund): takeBack(event, refund, into: &outputs)
        }
    }

    /// The open example that a view or click of `offer` belongs to: that of its recommendation, or
    /// else the pair's newest one if it made the same offer.
    private func sameOffer(_ offer: Event.Offer) -> UInt64? {
        if let number = open.number(recommendation: offer.recommendationID, for: offer) {
            return number
        }
        guard let newest = open.numbers(of: offer).last, let example = open[newest],
            example.isSameOffer(as: offer)
        else { return nil }
        return newest
    }

    private mutating func click(
        _ number: UInt64, atMs: Int64, into outputs: inout [JoinOutput]
    ) {
        let isLabel = open.update(number) { example in
            example.clickedMs = atMs
            example.firstClickMs = example.firstClickMs ?? atMs
            example.touchedMs = atMs
            defer { example.awaitsClick = false }
            return example.awaitsClick
        }
        guard isLabel == true else { return }
        counts.clicked += 1
        outputs.append(.labelled(labelled(number, .clicked)))
    }

    @discardableResult
    private mutating func openExample(
        _ opening: LabelledExample.Opening, _ event: PendingEvent, _ offer: Event.Offer,
        into outputs: inout [JoinOutput]
    ) -> UInt64 {
        let isClick = opening == .click
        let number = open.insert(
            OpenExample(
                opening: opening, openedBy: event.eventID, tsMs: event.tsMs, offer: offer,
                clickedMs: isClick ? event.tsMs : nil, touchedMs: event.tsMs,
                awaitsClick: !isClick))
        counts.opened += 1
        makeRoom(for: offer, atMs: event.tsMs, into: &outputs)
        return number
    }

    /// A decision takes the place of the example that its trigger opened: the shopper saw what was
    /// decided. One that is issued again while it is open is a repeated view.
    private mutating func decide(
        _ event: PendingEvent, _ offer: Event.Offer, _ trigger: String?, isView: Bool,
        into outputs: inout [JoinOutput]
    ) {
        let replaced = trigger.flatMap { trigger in
            open.numbers(of: offer).last { open[$0]?.isOpened(by: trigger) ?? false }
        }
        let number: UInt64
        if let standing = open.number(recommendation: offer.recommendationID, for: offer) {
            counts.repeated += 1
            _ = open.update(standing) { $0.touchedMs = event.tsMs }
            if trigger != nil, !isView { click(standing, atMs: event.tsMs, into: &outputs) }
            number = standing
        } else {
            number = openExample(isView ? .shown : .decision, event, offer, into: &outputs)
        }
        guard let replaced, replaced != number, close(replaced) != nil else { return }
        counts.superseded += 1
        outputs.append(.superseded(ExampleID(replaced), by: ExampleID(number)))
    }

    private mutating func buy(
        _ event: PendingEvent, _ purchase: Event.Purchase, into outputs: inout [JoinOutput]
    ) {
        guard let number = attributed(purchase.offer, atMs: event.happenedMs) else {
            counts.unattributedPurchases += 1
            outputs.append(
                .unattributedPurchase(eventID: event.eventID, tsMs: event.tsMs, purchase))
            return
        }
        let label = sold.add(purchase, eventID: event.eventID, tsMs: event.tsMs, example: number)
        let before = open.update(number) { example in
            defer { example.purchaseLabel = .positive }
            example.purchasedMs = example.purchasedMs ?? event.happenedMs
            return example.purchaseLabel
        }
        switch before {
        case .unknown:
            counts.purchased += 1
            outputs.append(.labelled(labelled(number, label)))
        case .negative:
            counts.corrected += 1
            outputs.append(.converted(labelled(number, label)))
        default:
            counts.corrected += 1
            outputs.append(.corrected(ExampleID(number), label))
        }
        while sold.count > configuration.purchasesMax, sold.oldestMs() != nil {
            counts.forgottenPurchases += 1
            sold.forgetOldest { [open] in open[$0] != nil }
        }
    }

    /// The example that a purchase belongs to; all open ones are inside their window. Of a late
    /// purchase it is one that was open when it was made.
    private func attributed(_ offer: Event.Offer, atMs: Int64) -> UInt64? {
        if let number = open.number(recommendation: offer.recommendationID, for: offer) {
            return number
        }
        let numbers = open.numbers(of: offer).filter { number in
            open[number].map { $0.tsMs <= atMs } ?? false
        }
        if configuration.rule == .lastClick {
            let clicked = numbers.filter { open[$0]?.clickOrDecisionMs != nil }
            if !clicked.isEmpty {
                return latest(clicked) { open[$0]?.clickOrDecisionMs ?? .min }
            }
        }
        return latest(numbers) { open[$0]?.touchedMs ?? .min }
    }

    /// The number with the latest time; of equal ones the newest example.
    private func latest(_ numbers: [UInt64], _ timeMs: (UInt64) -> Int64) -> UInt64? {
        numbers.max { (timeMs($0), $0) < (timeMs($1), $1) }
    }

    private mutating func takeBack(
        _ event: PendingEvent, _ refund: Event.Refund, into outputs: inout [JoinOutput]
    ) {
        let changed = sold.refund(refund) { [open] in open[$0] != nil }
        if changed.isEmpty {
            counts.unmatchedRefunds += 1
            outputs.append(.unmatchedRefund(eventID: event.eventID))
        } else {
            counts.matchedRefunds += 1
        }
        for (example, label) in changed {
            counts.corrected += 1
            outputs.append(.corrected(ExampleID(example), label))
        }
    }
}

extension OpenExample {
    /// What counts as a touch for last-click attribution.
    var clickOrDecisionMs: Int64? {
        opening == .decision ? max(tsMs, clickedMs ?? tsMs) : clickedMs
    }

    func isOpened(by eventID: String) -> Bool {
        !opening.isIssued && openedBy.utf8.elementsEqual(eventID.utf8)
    }
}
