import Engine
import Events
import Records

/// Any change of a learned state's rows, as an import may bring one that other hands made: an engine goes
/// on from it, or says what is wrong with which row.
enum RowsTarget: FuzzTarget {
    static let name = "rows"

    /// Six bytes a change: which row, where in it, and what to put there.
    static func run(_ bytes: UnsafeRawBufferPointer) {
        var values = sound.map { $0.value ?? [] }
        for start in stride(from: 0, to: bytes.count - 5, by: 6) {
            let row = unsafe (Int(bytes[start]) << 8 | Int(bytes[start + 1])) % values.count
            let place = unsafe Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
            let byte = unsafe bytes[start + 4]
            switch unsafe bytes[start + 5] & 3 {
            case 0: values[row] = Array(values[row].prefix(place))
            case 1: values[row].append(byte)
            default:
                guard !values[row].isEmpty else { continue }
                values[row][place % values[row].count] = byte
            }
        }
        var changes = StateChanges()
        for (row, value) in zip(sound, values) { changes.put(row.table, row.key, value) }
        var state = MemoryState()
        state.apply(changes)
        guard
            var engine = try? Engine(
                EngineBench.configuration, base: EngineBench.base, reading: state)
        else { return }
        let probe = Event(
            eventID: "probe", tsMs: 1_767_229_200_000,
            body: .click(Event.Offer(userID: "u0", itemID: "i0", price: 10)))
        let outcome = Event(
            eventID: "outcome", tsMs: 1_767_229_300_000,
            body: .outcome(
                Event.Outcome(
                    offer: Event.Offer(userID: "u1", itemID: "i1", price: 9, discount: 0.3),
                    clicked: true, purchased: true)))
        _ = try? engine.step(
            [EngineBench.input(probe, offset: 1), EngineBench.input(outcome, offset: 2)],
            reading: state, embedding: HashEmbedding(), training: NoTraining())
    }

    /// The rows of weights of a small state that has learned a little of everything.
    private static let sound: [StateChanges.Row] = {
        var source = EventBytes(NumbersTarget.seeds[5])
        var state = MemoryState()
        var changes = StateChanges()
        do {
            var engine = try Engine(
                EngineBench.configuration, base: EngineBench.base, reading: state)
            var offset: Int64 = 0
            while let event = source.next(offset) {
                _ = try engine.step(
                    [EngineBench.input(event, offset: offset)], reading: state,
                    embedding: HashEmbedding(), training: NoTraining())
                offset += 1
            }
            engine.collectChanges(into: &changes)
        } catch { preconditionFailure("\(error)") }
        return changes.rows.filter { $0.table.kind == .weights && $0.value != nil }
    }()

    static let seeds: [[UInt8]] = (0..<8).map { number in
        var random = SeededRandom(seed: UInt64(number) + 100)
        return (0..<6 * (number + 1)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
    }
}
