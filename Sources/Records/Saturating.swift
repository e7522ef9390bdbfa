extension FixedWidthInteger {
    /// The whole part of a number, the nearest there is of one beyond the range; 0 of one that is none.
    ///
    /// `Int(_:)` traps there.
    package init(saturating number: Double) {
        if let whole = Self(exactly: number.rounded(.towardZero)) {
            self = whole
        } else {
            self = number.isNaN ? 0 : number > 0 ? .max : .min
        }
    }
}
