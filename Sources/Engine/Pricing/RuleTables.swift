import Records

/// The tables of the rules' ledger, for whoever looks into a store.
package enum RuleTables {
    /// Shoppers' offers.
    package static let shoppers = RuleLedger.shopperTable
    /// Accounts of budgets, by their names.
    package static let budgets = RuleLedger.budgetTable
    /// What shoppers' offers have reserved.
    package static let budgetOffers = RuleLedger.budgetOfferTable
    /// Since when shoppers object to personalised prices.
    package static let objections = RuleLedger.objectionTable
    /// All of them but that of objections.
    package static let all = RuleLedger.tables
}
