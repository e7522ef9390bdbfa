/// The names with the greatest counts, the greatest first.
func largest<Name: Comparable>(_ countMax: Int, _ counts: [Name: Int]) -> [Name] {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(countMax).map(\.key)
}
