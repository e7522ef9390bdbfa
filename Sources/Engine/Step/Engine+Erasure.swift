import Records

extension Engine {
    /// Forgets a shopper at the boundary of a batch, as an event of this time would.
    ///
    /// - Parameters:
    ///   - ts: events up to this time are not learned any more. Unit: milliseconds since 1970.
    ///   - state: the last commit's rows; all that was collected since must be in it.
    /// - Returns: the ids that the shopper was known by.
    public mutating func erase(
        _ userID: String, atMs ts: Int64, reading state: any StateReader,
        embedding: any TextEmbedding
    ) throws -> [String] {
        stream.attach(state, embedding)
        ruleLedger.attach(state)
        defer {
            stream.detach()
            ruleLedger.detach()
        }
        return try erase(userID, atMs: ts)
    }
}
