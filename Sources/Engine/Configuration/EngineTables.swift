import Records

/// Tables that hold one row a thing, for all rooms.
enum EngineTables {
    static let state = StateTable("engine", .keyed)
    static let weights = StateTable("adapters", .weights)
}
