/// Receives the scalars of a normalised text, each with what it is to the pre-tokeniser.
protocol ScalarSink {
    mutating func accept(_ kind: ScalarKind, _ scalar: UInt32)
    /// Nothing that follows can change the result.
    var isFull: Bool { get }
}

/// Collects normalised text, for the tokens that are looked for there.
struct TextSink: ScalarSink {
    var bytes: [UInt8] = []
    let isFull = false

    @inline(__always)
    mutating func accept(_ kind: ScalarKind, _ scalar: UInt32) { appendUTF8(scalar, to: &bytes) }
}

/// Puts the normal form of a piece of text into a sink.
///
/// Marks that accent stripping keeps are held back until the next starter: canonical order may put
/// a later one first.
struct Normalization<Sink: ScalarSink> {
    let table: ScalarTable
    var sink: Sink
    /// Kept marks since the last starter, as class, arrival, kind and scalar from the top bits
    /// down, so that sorting the numbers sorts the marks stably by class.
    private var marks: [UInt64] = []

    init(_ table: ScalarTable, into sink: Sink) {
        self.table = table
        self.sink = sink
    }

    /// Normalises `bytes[range]`, which is valid UTF-8, as a text of its own.
    @inline(__always)
    mutating func run(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) {
        var index = range.lowerBound
        while index < range.upperBound, !sink.isFull {
            let scalar = decodeScalar(bytes, &index)
            let entry = table[scalar]
            if entry.bits == 0 {
                if !marks.isEmpty { flushMarks() }
                sink.accept(.letter, scalar)
            } else {
                apply(entry, scalar)
            }
        }
        if !marks.isEmpty { flushMarks() }
    }

    @inline(__always)
    private mutating func apply(_ entry: ScalarTable.Entry, _ scalar: UInt32) {
        if entry.isIsolated { starter(.separator, 0x20) }
        switch entry.action {
        case .same: starter(.letter, scalar)
        case .drop: break
        case .barrier: if !marks.isEmpty { flushMarks() }
        case .punctuation: keep(entry, .punctuation)
        case .separator: keep(entry, .separator)
        case .letter: keep(entry, .letter)
        case .sequence: applySequence(Int(entry.payload))
        case .hangul: applyHangul(scalar)
        }
        if entry.isIsolated { starter(.separator, 0x20) }
    }

    @inline(__always)
    private mutating func keep(_ entry: ScalarTable.Entry, _ kind: ScalarKind) {
        if entry.isMark {
            hold(kind, entry.payload)
        } else {
            starter(kind, entry.payload)
        }
    }

    @inline(__always)
    private mutating func starter(_ kind: ScalarKind, _ scalar: UInt32) {
        if !marks.isEmpty { flushMarks() }
        sink.accept(kind, scalar)
    }

    @inline(never)
    private mutating func applySequence(_ start: Int) {
        for index in 1...Int(table.sequences[start].payload) {
            let entry = table.sequences[start + index]
            switch entry.action {
            case .punctuation: keep(entry, .punctuation)
            case .separator: keep(entry, .separator)
            case .letter: keep(entry, .letter)
            case .barrier: if !marks.isEmpty { flushMarks() }
            case .same, .drop, .sequence, .hangul: break
            }
        }
    }

    /// Source: The Unicode Standard, section 3.12, arithmetic decomposition of Hangul syllables.
    @inline(never)
    private mutating func applyHangul(_ scalar: UInt32) {
        let index = scalar - 0xAC00
        starter(.letter, 0x1100 + index / 588)
        starter(.letter, 0x1161 + index % 588 / 28)
        if index % 28 != 0 { starter(.letter, 0x11A7 + index % 28) }
    }

    @inline(never)
    private mutating func hold(_ kind: ScalarKind, _ scalar: UInt32) {
        let order = UInt64(truncatingIfNeeded: marks.count) & 0xFFFF_FFFF
        let low = order << 24 | UInt64(kind.rawValue) << 21 | UInt64(scalar)
        marks.append(UInt64(table.combiningClass(scalar)) << 56 | low)
    }

    @inline(never)
    private mutating func flushMarks() {
        marks.sort()
        for mark in marks {
            let kind = ScalarKind(rawValue: UInt32(mark >> 21 & 7)) ?? .letter
            sink.accept(kind, UInt32(mark & 0x1F_FFFF))
        }
        marks.removeAll(keepingCapacity: true)
    }
}
