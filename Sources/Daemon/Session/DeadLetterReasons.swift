/// The stable names of the reasons for which records go to the dead letters.
package enum DeadLetterReasons {
    /// All of them: counters of each are there from the start.
    package static let known = [
        "ahead_of_clock", "circular_identity", "clock_skew", "currency", "duplicate_key",
        "epoch_unit", "framing",
        "inconsistent_fields", "invalid_field", "malformed_body", "malformed_json",
        "missing_field", "no_envelope", "no_rule", "not_an_object", "not_utf8", "other_format",
        "out_of_memory", "refused_by_rule", "shared_topic", "tombstone", "too_large",
        "too_many_elements", "undecidable", "unframed", "unknown_schema", "unknown_type",
        "unpriced",
        "unusable_schema",
    ]
}
