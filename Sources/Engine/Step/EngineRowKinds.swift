import ContinualLearning
import Events
import Pricing
import Records

/// Rows of the engine's state that are read from bytes alone, without a base.
package enum EngineRowKind: CaseIterable, Sendable {
    case shopper, identity, item, counters, headGate, labelWatch, delays, gate, levels, suspects
    case ruleOffers, ruleTally, ruleDepths, rulePrices, budgetAccount, budgetOffers, objection
    case approval, waitingList

    /// Reads the bytes as a row of the kind; what comes of it is dropped.
    ///
    /// - Throws: for bytes that are none; never traps.
    package func read(_ bytes: [UInt8]) throws {
        switch self {
        case .shopper: _ = try ShopperState(encoded: bytes)
        case .identity: _ = try Identities.Row(encoded: bytes)
        case .item: _ = try Item(id: "i", encoded: bytes)
        case .counters: _ = try Counters(encoded: bytes)
        case .headGate: _ = try HeadGate(encoded: bytes)
        case .labelWatch: _ = try LabelWatch(row: bytes)
        case .delays: _ = try PurchaseDelays(windowMs: 86_400_000, encoded: bytes)
        case .gate: _ = try RefreshGate(bytes: bytes)
        case .ruleOffers: try Self.readOffers(bytes)
        case .ruleTally: try Self.readTally(bytes)
        case .ruleDepths: try Self.readDepths(bytes)
        case .rulePrices: try Self.readPrices(bytes)
        case .budgetAccount: try Self.readAccount(bytes)
        case .budgetOffers: _ = try BudgetOffers(encoded: bytes)
        case .approval: try Self.readApproval(bytes)
        case .waitingList: try Self.readWaiting(bytes)
        case .objection: _ = try ObjectionRow(encoded: bytes)
        case .levels:
            var reader = ByteReader(bytes)
            _ = try LevelHistory(from: &reader)
        case .suspects:
            var reader = ByteReader(bytes)
            _ = try [SuspectLabels](from: &reader)
        }
    }

    /// What a fresh engine keeps, to begin with.
    package var seed: [UInt8]? {
        switch self {
        case .shopper: ShopperState().encoded()
        case .identity: Identities.Row(joined: ("ada", 1), ids: ["guest"]).encoded()
        case .counters: Counters().encoded()
        case .headGate: HeadGate().encoded
        case .ruleOffers: OfferHistory().encoded()
        case .ruleTally: OfferTally().encoded()
        case .ruleDepths: DepthHistory().encoded()
        case .rulePrices: PriceHistory().encoded()
        case .budgetAccount: BudgetAccount().encoded()
        case .budgetOffers: BudgetOffers().encoded()
        case .approval: Approval().encoded()
        case .waitingList: WaitingList().encoded()
        case .objection: ObjectionRow(sinceMs: 1).encoded()
        default: nil
        }
    }

    // What rules make of damaged rows must not trap either.

    private static func readOffers(_ bytes: [UInt8]) throws {
        var row = try OfferHistory(encoded: bytes)
        row.add(
            OfferHistory.Entry(decision: 1, atMs: 1_795_953_000_000, item: 2, discount: 0.1),
            keepMs: 86_400_000)
    }

    private static func readTally(_ bytes: [UInt8]) throws {
        var row = try OfferTally(encoded: bytes)
        row.add(atMs: 1_795_953_000_000, periodMs: 86_400_000)
        _ = row.most(aroundMs: 1_795_953_000_000, periodMs: 3_600_000)
    }

    private static func readDepths(_ bytes: [UInt8]) throws {
        var row = try DepthHistory(encoded: bytes)
        row.add(0.1, atMs: 1_795_953_000_000, keepMs: 86_400_000)
        _ = row.near(1_795_953_000_000, spanMs: 86_400_000)
    }

    private static func readAccount(_ bytes: [UInt8]) throws {
        let nowMs: Int64 = 1_795_953_000_000
        let budget = Budget(
            name: "b", period: .calendar(.day, timeZone: "UTC"), spendMax: 10_000, usesMax: 10)
        var row = try BudgetAccount(encoded: bytes)
        row.book(
            BudgetAmount(cents: 500, uses: 1), of: budget, offer: nil, atMs: nowMs,
            knownMs: nowMs)
        let sight = BudgetSight(
            [(budget, row)], offers: BudgetOffers(), standing: nil, atMs: nowMs, knownMs: nil)
        _ = sight.standings
    }

    private static func readApproval(_ bytes: [UInt8]) throws {
        var row = try Approval(encoded: bytes)
        _ = row.depth(atMs: 1_795_953_000_000)
        row.add(WithheldOffer(depth: 0.4, gain: 1), atMs: 1_795_953_000_000)
        _ = try Approval(encoded: row.encoded())
    }

    private static func readWaiting(_ bytes: [UInt8]) throws {
        var row = try WaitingList(encoded: bytes)
        _ = row.dropExpired(atMs: 1_795_953_000_000)
        _ = row.add("i", untilMs: 1_795_953_000_000)
    }

    private static func readPrices(_ bytes: [UInt8]) throws {
        var row = try PriceHistory(encoded: bytes)
        var settings = PriorPriceSettings()
        settings.days = 30
        row.note(cataloguePrice: 10, atMs: 1_795_953_000_000, days: 30)
        row.note(offer: 9, atMs: 1_795_953_000_000, settings)
        _ = row.prior(atMs: 1_795_953_000_001, settings)
    }
}
