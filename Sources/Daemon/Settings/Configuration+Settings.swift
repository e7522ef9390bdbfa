extension Configuration {
    /// Every key there is, in the order of the example file.
    static let settings: [Setting] =
        modelSettings + loraSettings + headSettings + learningSettings + guardSettings
        + attributionSettings + pricingSettings + priorPriceSettings + ruleSettings
        + approvalSettings + budgetSettings
        + batchSettings
        + kafkaSettings + registrySettings
        + publishSettings + storeSettings + httpSettings + tlsSettings + logSettings

    static let sections: [(name: String, summary: String)] = [
        ("model", "The frozen language model."),
        (
            "lora",
            "The adapters on it, the only weights of it that learn, and how they are refreshed."
        ),
        ("heads", "The response heads: what is kept of items, shoppers and their crosses."),
        ("learning", "How learning uses the machine."),
        ("guards", "What keeps learning from forgetting and from harm."),
        ("attribution", "How clicks, purchases and refunds are joined, all in event time."),
        ("pricing", "Which discounts may be offered, and how one is chosen."),
        ("batch", "How events are cut into batches."),
        ("kafka", "Where events come from."),
        (
            "registry",
            "The schema registry, for topics whose decoder is avro, protobuf or json_schema, and for publish.format."
        ),
        ("publish", "Where recommendations and dead letters go."),
        ("store", "The LMDB store: commits, snapshots, retention."),
        ("http", "The HTTP interface: /live, /ready, /metrics and /v1/status."),
        ("log", "Log lines, on standard error."),
    ]
}
