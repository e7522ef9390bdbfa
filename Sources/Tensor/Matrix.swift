/// A row-major matrix somebody else owns, for reading.
///
/// Lifetime: that of the buffer it was made from; views are passed down calls and kept only beside
/// their buffer.
@safe package struct Matrix: @unchecked Sendable {
    /// Row `i` starts at `base + i * stride`.
    package let base: UnsafePointer<Float>
    /// Rows, 0 or more.
    package let rows: Int
    /// Floats of a row that count.
    package let columns: Int
    /// Floats from one row to the next, at least `columns`.
    package let stride: Int

    /// - Parameter base: `rows` rows of `columns` floats must be readable from there on, `stride`
    ///   apart.
    package init(base: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int) {
        unsafe self.base = unsafe base
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// Some of the rows, at the same place in memory; traps outside the matrix.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        return unsafe Matrix(
            base: base + range.lowerBound * stride, rows: range.count, columns: columns,
            stride: stride)
    }

    /// Some of the columns, at the same place in memory; traps outside the matrix.
    package func columns(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns out of bounds")
        return unsafe Matrix(
            base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// One element; traps outside the matrix.
    package subscript(row: Int, column: Int) -> Float {
        precondition(row >= 0 && row < rows && column >= 0 && column < columns)
        return unsafe base[row * stride + column]
    }

    /// The rows one after the other, without what lies between them.
    package var values: [Float] { values(rows: 0..<rows) }

    /// Some rows one after the other, repeats as often as they are named.
    package func values(rows wanted: some Collection<Int>) -> [Float] {
        for row in wanted { precondition(row >= 0 && row < rows, "rows out of bounds") }
        let count = wanted.count * columns
        return unsafe [Float](unsafeUninitializedCapacity: count) { target, filled in
            guard var place = target.baseAddress else { return }
            for row in wanted {
                unsafe place.initialize(from: base + row * stride, count: columns)
                unsafe place += columns
            }
            filled = count
        }
    }

    /// A matrix over the floats from `offset` on, counted without gaps.
    package func part(at offset: Int, rows: Int, columns: Int) -> Matrix {
        precondition(isContiguous && offset >= 0 && rows >= 0 && columns >= 0, "no such part")
        precondition(rows * columns <= self.rows * self.columns - offset, "beyond the end")
        return unsafe Matrix(base: base + offset, rows: rows, columns: columns, stride: columns)
    }

    /// Whether rows follow each other without gaps.
    package var isContiguous: Bool { stride == columns || rows <= 1 }
}

/// A row-major matrix somebody else owns, for writing: see `Matrix`.
@safe package struct MutableMatrix: @unchecked Sendable {
    /// Row `i` starts at `base + i * stride`.
    package let base: UnsafeMutablePointer<Float>
    /// Rows, 0 or more.
    package let rows: Int
    /// Floats of a row that count.
    package let columns: Int
    /// Floats from one row to the next, at least `columns`.
    package let stride: Int

    /// - Parameter base: `rows` rows of `columns` floats must be writable from there on, `stride`
    ///   apart.
    package init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int) {
        unsafe self.base = unsafe base
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// The same elements, for reading.
    package var read: Matrix {
        unsafe Matrix(base: base, rows: rows, columns: columns, stride: stride)
    }

    /// Some of the rows, at the same place in memory; traps outside the matrix.
    package func rows(_ range: Range<Int>) -> MutableMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        return unsafe MutableMatrix(
            base: base + range.lowerBound * stride, rows: range.count, columns: columns,
            stride: stride)
    }

    /// Some of the columns, at the same place in memory; traps outside the matrix.
    package func columns(_ range: Range<Int>) -> MutableMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns out of bounds")
        return unsafe MutableMatrix(
            base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// Whether rows follow each other without gaps.
    package var isContiguous: Bool { read.isContiguous }

    /// A matrix over the floats from `offset` on, counted without gaps.
    package func part(at offset: Int, rows: Int, columns: Int) -> MutableMatrix {
        precondition(isContiguous && offset >= 0 && rows >= 0 && columns >= 0, "no such part")
        precondition(rows * columns <= self.rows * self.columns - offset, "beyond the end")
        return unsafe MutableMatrix(
            base: base + offset, rows: rows, columns: columns, stride: columns)
    }

    /// Writes one element; traps outside the matrix.
    package func set(_ row: Int, _ column: Int, to value: Float) {
        precondition(row >= 0 && row < rows && column >= 0 && column < columns)
        unsafe base[row * stride + column] = value
    }

    /// Writes every element; what lies between rows stays.
    package func fill(_ value: Float) {
        for row in 0..<rows {
            unsafe (base + row * stride).update(repeating: value, count: columns)
        }
    }

    /// Copies a matrix of the same shape; traps for another. They must not overlap.
    package func copy(from other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "shapes differ")
        if isContiguous && other.isContiguous {
            unsafe base.update(from: other.base, count: rows * columns)
            return
        }
        for row in 0..<rows {
            unsafe (base + row * stride).update(
                from: other.base + row * other.stride, count: columns)
        }
    }

    /// Copies row after row.
    package func copy(from values: ArraySlice<Float>) {
        precondition(values.count == rows * columns && isContiguous, "shapes differ")
        unsafe values.withUnsafeBufferPointer { source in
            if let start = source.baseAddress {
                unsafe base.update(from: start, count: values.count)
            }
        }
    }

    /// Copies the transpose of a (columns, rows) matrix given row after row.
    package func copyTransposed(fromRows values: ArraySlice<Float>) {
        precondition(values.count == rows * columns, "shapes differ")
        unsafe values.withUnsafeBufferPointer { source in
            if let start = source.baseAddress {
                unsafe copyTransposed(
                    from: Matrix(base: start, rows: columns, columns: rows, stride: rows))
            }
        }
    }

    /// Writes the transpose of `other`.
    package func copyTransposed(from other: Matrix) {
        precondition(rows == other.columns && columns == other.rows, "shapes differ")
        for row in 0..<rows {
            for column in 0..<columns {
                unsafe base[row * stride + column] = other.base[column * other.stride + row]
            }
        }
    }
}
