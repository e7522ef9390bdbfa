import Records

/// What happens where more examples are open than there is room for.
///
/// Which example closes early does not depend on its label, and none is dropped: each goes out with
/// its age, so that what is not known of it yet can be made up for. One in many is a witness: chosen
/// by its number alone, it stays open to its window's end, so that how late labels come is known
/// however little room there is.
extension AttributionJoin {
    /// Closes the oldest examples but witnesses until the bounds hold.
    mutating func makeRoom(
        for offer: Event.Offer, atMs: Int64, into outputs: inout [JoinOutput]
    ) {
        let ofPair = open.numbers(of: offer)
        if ofPair.count > configuration.openPerPairMax {
            closeEarly(ofPair[0], atMs: atMs, into: &outputs)
        }
        if open.count <= configuration.openMax / 2 { witnesses.restart(at: windowCursor) }
        while open.count > configuration.openMax {
            let number = witnesses.cursor
            guard open[number] != nil else {
                witnesses.cursor += 1
                continue
            }
            if witnesses.isWitness(number) {
                if witnesses.keptCount < configuration.openMax / 2 {
                    witnesses.keptCount += 1
                    witnesses.cursor += 1
                } else {
                    witnesses.thin(at: windowCursor)
                }
                continue
            }
            closeEarly(number, atMs: atMs, into: &outputs)
            witnesses.cursor += 1
        }
    }

    /// Closes the oldest example of a shopper and an item.
    mutating func closeOldest(of offer: Event.Offer, into outputs: inout [JoinOutput]) {
        guard let oldest = open.numbers(of: offer).first, let example = open[oldest] else { return }
        closeEarly(oldest, atMs: watermarks.watermarkMs ?? example.tsMs, into: &outputs)
    }

    private mutating func closeEarly(
        _ number: UInt64, atMs: Int64, into outputs: inout [JoinOutput]
    ) {
        guard let example = open[number] else { return }
        let told = labelled(
            number, example.purchasedMs == nil ? .notPurchased : sold.label(of: number))
        close(number)
        counts.overflowed += 1
        outputs.append(
            .closedEarly(
                EarlyClose(
                    example: told, ageMs: max(0, atMs - example.tsMs),
                    awaitedClick: example.awaitsClick,
                    label: EarlyClose.Label(example.purchaseLabel))))
    }

    /// Removes an open example, at whatever time.
    @discardableResult
    mutating func close(_ number: UInt64) -> OpenExample? {
        guard let example = open.remove(number) else { return nil }
        witnesses.closed(number)
        sold.exampleClosed(number)
        return example
    }
}

extension EarlyClose.Label {
    init(_ label: OpenExample.PurchaseLabel) {
        self =
            switch label {
            case .unknown: .unknown
            case .negative: .notPurchased
            case .positive: .purchased
            }
    }
}

/// Which examples stay open to the end where there is no room for all.
struct Witnesses: Sendable {
    /// One in 16, unless these are too many.
    private static let firstLevel: UInt8 = 4

    private var level = firstLevel
    /// No example before this number that is open closes early: it is a witness.
    var cursor: UInt64 = 0
    /// Examples before the cursor that are open.
    var keptCount = 0

    init() {}

    /// Evenly spread over the numbers, one in two to the power of the level.
    func isWitness(_ number: UInt64) -> Bool {
        ((number &+ 1) &* 0x9e37_79b9_7f4a_7c15).leadingZeroBitCount >= Int(level)
    }

    /// Looks at all examples anew, half of the witnesses being none any more.
    mutating func thin(at first: UInt64) {
        level = min(level + 1, 63)
        cursor = first
        keptCount = 0
    }

    /// There is room again: whoever comes may be a witness.
    mutating func restart(at first: UInt64) {
        level = Self.firstLevel
        cursor = first
        keptCount = 0
    }

    mutating func closed(_ number: UInt64) {
        if number < cursor { keptCount -= 1 }
    }

    func write(_ writer: inout ByteWriter) {
        writer.integer(level)
        writer.integer(cursor)
        writer.integer(Int64(keptCount))
    }

    init(_ row: inout ByteReader) throws(ByteCodingError) {
        level = try row.integer()
        cursor = try row.integer()
        keptCount = Int(try row.integer(Int64.self))
    }
}
