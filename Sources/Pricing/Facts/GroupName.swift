/// Names of items, categories and brands, as a configuration lists them.
enum GroupName {
    /// Whether a category is the one named, or lies below it, in a path of `Wine / Red` or of `Wine > Red`.
    static func holds(category: String?, in name: String) -> Bool {
        guard let category else { return false }
        guard category.hasPrefix(name) else { return false }
        if category.utf8.count == name.utf8.count { return true }
        let below = category.dropFirst(name.count).drop { $0 == " " }.first
        return below == "/" || below == ">"
    }
}
