extension String {
    /// The text on one line, with nothing in it that a terminal or a reader of lines would act on.
    ///
    /// Line ends (U+0085, U+2028 and U+2029 too), control characters, ANSI escapes among them, and
    /// characters that turn the direction of what follows or cannot be seen are written as `\n`, `\t`
    /// or `\u{2028}`. Everything else stays as it is. What a producer or a client has sent goes through
    /// this once, where it enters a line.
    ///
    /// Complexity: one look at the bytes where there is nothing to escape.
    public var printable: String {
        // All of them but U+007F and the C0 controls have a byte of 0x80 or more.
        let isPlain = utf8.allSatisfy { (0x20...0x7e).contains($0) }
        guard !isPlain, unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            guard scalar.isUnprintable else {
                text.unicodeScalars.append(scalar)
                continue
            }
            switch scalar {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default: text += "\\u{" + String(scalar.value, radix: 16) + "}"
            }
        }
        return text
    }

    /// Likewise of each line of a text that is of several, as reports are.
    public var printableLines: String {
        guard utf8.contains(where: { !(0x20...0x7e).contains($0) && $0 != 0x0a }) else {
            return self
        }
        return split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0).printable }.joined(separator: "\n")
    }
}

extension Unicode.Scalar {
    /// Whether it ends a line, controls a terminal, turns the direction of a text, or is not to be seen.
    package var isUnprintable: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        // Joiners shape what is written in Persian, Hindi and emoji; they hide nothing.
        case .format: self != "\u{200c}" && self != "\u{200d}" && self != "\u{ad}"
        default: false
        }
    }
}
