import Records

/// ADWIN: the newest values whose mean is the same, as far as one can tell, and whether older ones had
/// to be dropped because the mean has risen.
///
/// Memory is logarithmic in the window: buckets of 1, 2, 4, … values, at most five of a size.
/// Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", 2007,
/// section 3.2, with its variance-based bound (equation 3.1).
struct AdaptiveWindow: Sendable, Equatable {
    struct Bucket: Sendable, Equatable {
        var sum: Double
        /// Sum of squared deviations from the bucket's own mean.
        var squares: Double
    }

    static let bucketsMax = 5
    static let confidence = 0.002
    /// Values between two looks at the window.
    static let pace = 32
    /// Each side of a cut has at least so many values.
    static let sideMin = 100.0

    /// By size, the newest of a size last; sizes double.
    private(set) var rows: [[Bucket]] = [[]]
    private(set) var sinceLook = 0

    init() {}

    private func size(_ row: Int) -> Double { Double(1 << row) }

    var count: Double {
        rows.indices.reduce(0) { $0 + size($1) * Double(rows[$1].count) }
    }

    /// - Parameter value: bounded by one in the main; the bound is the variance's.
    /// - Returns: whether the mean has risen.
    mutating func add(_ value: Double) -> Bool {
        rows[0].append(Bucket(sum: value, squares: 0))
        var row = 0
        while rows[row].count > Self.bucketsMax {
            if row + 1 == rows.count { rows.append([]) }
            let (a, b) = (rows[row][0], rows[row][1])
            rows[row].removeFirst(2)
            rows[row + 1].append(merged(a, b, size(row)))
            row += 1
        }
        sinceLook += 1
        guard sinceLook >= Self.pace else { return false }
        sinceLook = 0
        var rose = false
        while let cut = cut() {
            rose = rose || cut == .rise
            dropOldest()
        }
        return rose
    }

    private func merged(_ a: Bucket, _ b: Bucket, _ size: Double) -> Bucket {
        let apart = (a.sum - b.sum) / size
        return Bucket(sum: a.sum + b.sum, squares: a.squares + b.squares + apart * apart * size / 2)
    }

    private mutating func dropOldest() {
        guard let last = rows.indices.last else { return }
        if !rows[last].isEmpty { rows[last].removeFirst() }
        while rows.count > 1, rows[rows.count - 1].isEmpty { rows.removeLast() }
    }

    private enum Change { case rise, fall }

    /// Whether the window falls into an older and a newer part of different means.
    private func cut() -> Change? {
        let total = count
        guard total >= 2 * Self.sideMin else { return nil }
        let sum = rows.reduce(0) { $0 + $1.reduce(0) { $0 + $1.sum } }
        var variance = 0.0
        for row in rows.indices {
            for bucket in rows[row] {
                let apart = bucket.sum / size(row) - sum / total
                variance += bucket.squares + size(row) * apart * apart
            }
        }
        variance /= total
        let logarithm = naturalLogarithm(2 * naturalLogarithm(total) / Self.confidence)
        var old = (count: 0.0, sum: 0.0)
        for row in rows.indices.reversed() {
            for bucket in rows[row] {
                old.count += size(row)
                old.sum += bucket.sum
                let new = (count: total - old.count, sum: sum - old.sum)
                guard old.count >= Self.sideMin, new.count >= Self.sideMin else { continue }
                let harmonic = 1 / (1 / old.count + 1 / new.count)
                let bound =
                    (2 / harmonic * variance * logarithm).squareRoot()
                    + 2 / (3 * harmonic) * logarithm
                let rise = new.sum / new.count - old.sum / old.count
                if abs(rise) > bound { return rise > 0 ? .rise : .fall }
            }
        }
        return nil
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(Int64(sinceLook))
        writer.array(rows) { writer, row in
            writer.array(row) { writer, bucket in
                writer.double(bucket.sum)
                writer.double(bucket.squares)
            }
        }
    }

    init(from reader: inout ByteReader) throws(ByteCodingError) {
        sinceLook = Int(try reader.integer(Int64.self))
        rows = try reader.array { reader throws(ByteCodingError) in
            try reader.array { reader throws(ByteCodingError) in
                Bucket(sum: try reader.double(), squares: try reader.double())
            }
        }
        guard !rows.isEmpty, rows.count < 60 else {
            throw .badValue(at: 0, "a window of \(rows.count) sizes")
        }
    }
}
