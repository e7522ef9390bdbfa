/// The self-test at start: does a row of a product have the bits it has alone?
///
/// About a millisecond. It compares one product of 48 rows with products of some of them, at other
/// positions and in other numbers; OpenBLAS's kernels for AVX2, whose rows depend on their position
/// modulo twelve, fail it.
enum RowIndependence {
    static func holds(for products: Products) -> Bool {
        let inner = 320
        let columns = 288
        let rows = 48
        let floats =
            2 * Arena.floats(rows, inner) + Arena.floats(columns, inner)
            + 2 * Arena.floats(rows, columns) + Arena.floats(columns + 31, inner)
        let paddingCount = products.paddingFloats(inner: inner, columns: columns)
        guard let buffer = FloatBuffer(count: floats),
            let padding = FloatBuffer(count: paddingCount)
        else { return false }
        var arena = Arena(buffer)
        let x = arena.take(rows, inner)
        let w = arena.take(columns, inner)
        let whole = arena.take(rows, columns)
        let part = arena.take(rows, columns)
        fill(x, 1)
        fill(w, 2)
        let multiplier = products.place(w.read, transposed: true, in: &arena)
        products.fill(multiplier, from: w.read)
        products.multiplyRows(x.read, by: multiplier, into: whole, padding: padding)
        for range in [0..<1, 5..<12, 13..<30, 47..<48] {
            let some = part.rows(0..<range.count)
            products.multiplyRows(
                x.read.rows(range), by: multiplier, into: some, padding: padding)
            if !sameBits(some.read, whole.read.rows(range)) { return false }
        }
        return true
    }

    private static func fill(_ matrix: MutableMatrix, _ seed: UInt32) {
        var state = seed
        for row in 0..<matrix.rows {
            for column in 0..<matrix.columns {
                state = state &* 1_664_525 &+ 1_013_904_223
                let value = Float(Int32(bitPattern: state)) * 0x1p-31
                unsafe matrix.base[row * matrix.stride + column] = value
            }
        }
    }

    private static func sameBits(_ a: Matrix, _ b: Matrix) -> Bool {
        a.values.elementsEqual(b.values) { $0.bitPattern == $1.bitPattern }
    }
}
