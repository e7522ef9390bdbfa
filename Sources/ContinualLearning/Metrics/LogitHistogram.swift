import Records

/// Counts of labels over a fine, fixed grid of logits: what AUC and calibration are read from.
///
/// Pages of 64 bins are made when a logit first falls into them, so that memory follows the range
/// the logits take rather than the whole grid.
struct LogitHistogram: Sendable {
    struct Bin: Sendable, Equatable {
        var positive = 0.0
        var negative = 0.0
        /// The sum of predicted probabilities, weighted.
        var predicted = 0.0

        var total: Double { positive + negative }
        var isEmpty: Bool { positive == 0 && negative == 0 }
    }

    static let binsPerPage = 64
    /// Logits beyond ±16 (a probability of 1e-7) share the outermost bins.
    static let logitMax = 16.0

    let binCount: Int
    /// Where a page begins in `bins`, in pages; -1 for a page that has no logit yet.
    private var place: [Int16]
    private var bins: [Bin] = []
    private var changed: [Bool]

    /// - Parameter binCount: rounded up to a whole number of pages.
    init(binCount: Int) {
        let pages = min(max(1, (binCount + Self.binsPerPage - 1) / Self.binsPerPage), 4096)
        self.binCount = pages * Self.binsPerPage
        place = Array(repeating: -1, count: pages)
        changed = Array(repeating: false, count: pages)
    }

    var pageCount: Int { place.count }

    private mutating func begin(ofPage page: Int) -> Int {
        if place[page] < 0 {
            place[page] = Int16(bins.count / Self.binsPerPage)
            bins.append(contentsOf: repeatElement(Bin(), count: Self.binsPerPage))
        }
        changed[page] = true
        return Int(place[page]) * Self.binsPerPage
    }

    mutating func add(logit: Double, probability: Double, label: Bool, weight: Double) {
        let scaled = (logit + Self.logitMax) * (Double(binCount) / (2 * Self.logitMax))
        let index = Int(min(max(scaled, 0), Double(binCount - 1)))
        let at = begin(ofPage: index / Self.binsPerPage) + index % Self.binsPerPage
        if label { bins[at].positive += weight } else { bins[at].negative += weight }
        // On a grid of 2^-32 sums stay exact for two million examples a bin, whatever the order.
        bins[at].predicted += (probability * weight * 0x1p32).rounded() * 0x1p-32
    }

    mutating func merge(_ other: LogitHistogram) {
        precondition(other.binCount == binCount, "histograms of different grids")
        for page in 0..<other.pageCount where other.place[page] >= 0 {
            let from = Int(other.place[page]) * Self.binsPerPage
            let to = begin(ofPage: page)
            for index in 0..<Self.binsPerPage {
                bins[to + index].positive += other.bins[from + index].positive
                bins[to + index].negative += other.bins[from + index].negative
                bins[to + index].predicted += other.bins[from + index].predicted
            }
        }
    }

    /// The bins that hold something, in the order of their logits.
    func forEachBin(_ body: (Bin) -> Void) {
        for page in place where page >= 0 {
            let begin = Int(page) * Self.binsPerPage
            for index in begin..<begin + Self.binsPerPage where !bins[index].isEmpty {
                body(bins[index])
            }
        }
    }
}

// MARK: What is read from it

extension LogitHistogram {
    /// The probability that a positive ranks above a negative; ties, and logits of one bin, count
    /// half. `nil` without both labels.
    var auc: Double? {
        var below = 0.0
        var positives = 0.0
        var wins = 0.0
        forEachBin { bin in
            wins += bin.positive * (below + bin.negative / 2)
            below += bin.negative
            positives += bin.positive
        }
        return positives > 0 && below > 0 ? wins / (positives * below) : nil
    }

    /// Mean |predicted - observed| over groups of equal count, in the order of the logit.
    ///
    /// A bin that an edge falls into is shared out in proportion.
    /// - Parameter edges: the cumulative weights at which groups end, ascending.
    func calibrationError(edges: [Double]) -> Double {
        var next = 0
        var seen = 0.0
        var gap = 0.0
        var error = 0.0
        forEachBin { bin in
            var left = bin.total
            let surplus = (bin.predicted - bin.positive) / bin.total
            while next < edges.count - 1, seen + left >= edges[next] {
                let part = max(0, edges[next] - seen)
                error += (gap + surplus * part).magnitude
                gap = 0
                seen += part
                left -= part
                next += 1
            }
            gap += surplus * left
            seen += left
        }
        return seen > 0 ? (error + gap.magnitude) / seen : 0
    }
}

// MARK: Rows

extension LogitHistogram {
    /// Emits the pages changed since the last call.
    mutating func collectPages(_ put: (_ page: Int, _ value: [UInt8]) -> Void) {
        for page in 0..<pageCount where changed[page] {
            put(page, encode(page))
            changed[page] = false
        }
    }

    /// Pages that hold something.
    var pages: [Int] { (0..<pageCount).filter { place[$0] >= 0 } }

    /// Makes every page count as changed: for a histogram that moves to other rows.
    mutating func markAll() {
        for page in pages { changed[page] = true }
    }

    private func encode(_ page: Int) -> [UInt8] {
        let begin = Int(place[page]) * Self.binsPerPage
        var writer = ByteWriter(capacity: 256)
        var mask: UInt64 = 0
        for index in 0..<Self.binsPerPage where !bins[begin + index].isEmpty {
            mask |= 1 << UInt64(index)
        }
        writer.integer(mask)
        for index in 0..<Self.binsPerPage where mask >> UInt64(index) & 1 == 1 {
            let bin = bins[begin + index]
            writer.shortDouble(bin.positive)
            writer.shortDouble(bin.negative)
            writer.shortDouble(bin.predicted)
        }
        return writer.bytes
    }

    mutating func restore(page: Int, from reader: inout ByteReader) throws(ByteCodingError) {
        guard page < pageCount else {
            throw .badValue(at: reader.position, "page \(page) of a grid of \(pageCount)")
        }
        let mask = try reader.integer(UInt64.self)
        let begin = begin(ofPage: page)
        for index in 0..<Self.binsPerPage where mask >> UInt64(index) & 1 == 1 {
            bins[begin + index].positive = try reader.shortDouble()
            bins[begin + index].negative = try reader.shortDouble()
            bins[begin + index].predicted = try reader.shortDouble()
        }
        changed[page] = false
    }
}
