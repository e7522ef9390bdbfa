import Records

/// The tables of the rules' ledger, for whoever looks into a store.
package enum RuleTables {
    /// Shoppers' offers.
    package static let shoppers = RuleLedger.shopperTable
    /// Accounts of budgets, by their names.
    package static let budgets = RuleLedger.budgetTable
    /// What shoppers' offers have reserved.
    package static let budgetOffers = RuleLedger.budgetOfferTable
    /// All of them.
    package static let all = RuleLedger.tables
}
