import Records

extension Engine {
    /// How the budgets stand, in the order in which they are configured.
    ///
    /// - Parameter state: where the ledger's rows of the last commit are.
    public func budgets(reading state: any StateReader) throws -> [BudgetReport] {
        guard !configuration.pricing.budgets.isEmpty else { return [] }
        var ledger = ruleLedger
        ledger.attach(state)
        return try configuration.pricing.budgets.map { budget in
            var account = try ledger.accounts.row(budget.name, in: state)
            if let watermarkMs { account.release(upTo: watermarkMs) }
            return BudgetReport(budget, account, atMs: newestMs)
        }
    }
}
