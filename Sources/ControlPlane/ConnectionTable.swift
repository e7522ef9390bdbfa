/// The open connections, in the order of their last sign of life: accepted, a whole request, an
/// answer that went.
///
/// Complexity: linear in the bound where one has to go, constant otherwise.
package struct ConnectionTable {
    /// Tells connections apart; counts from 1 and is never given twice.
    package typealias Identity = Int

    private let countMax: Int
    private var lastSign: [Identity: UInt64] = [:]
    private var signs: UInt64 = 0
    private var made = 0

    /// - Parameter countMax: connections that may be open at one time.
    package init(countMax: Int) { self.countMax = countMax }

    /// Connections that are open.
    package var count: Int { lastSign.count }

    /// Takes in another connection.
    ///
    /// - Returns: its identity, and that of the connection that has to go for it, if one has.
    package mutating func admit() -> (new: Identity, evicted: Identity?) {
        var evicted: Identity?
        if lastSign.count >= countMax {
            evicted = lastSign.min { $0.value < $1.value }?.key
            if let evicted { lastSign[evicted] = nil }
        }
        made += 1
        signs += 1
        lastSign[made] = signs
        return (made, evicted)
    }

    /// A connection showed that it is alive; nothing happens for one that is gone.
    package mutating func sign(of identity: Identity) {
        guard lastSign[identity] != nil else { return }
        signs += 1
        lastSign[identity] = signs
    }

    /// A connection closed; nothing happens for one that is gone.
    package mutating func remove(_ identity: Identity) { lastSign[identity] = nil }
}
