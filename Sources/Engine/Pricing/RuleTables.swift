import Records

/// The tables of the rules' ledger, for whoever looks into a store.
package enum RuleTables {
    /// Shoppers' offers.
    package static let shoppers = RuleLedger.shopperTable
    /// All of them.
    package static let all = RuleLedger.tables
}
