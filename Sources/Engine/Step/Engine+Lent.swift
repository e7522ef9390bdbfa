import Records

extension Engine {
    /// The same state with rows at hand, to be asked: nothing that is asked of the copy changes this engine.
    public func lent(_ state: any StateReader, _ embedding: any TextEmbedding) -> Engine {
        var copy = self
        copy.stream.attach(state, embedding)
        return copy
    }
}
