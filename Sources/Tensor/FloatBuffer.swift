import Glibc

/// Floats in pages of their own, zero at first, aligned far beyond what any kernel asks for.
///
/// Pages that were never touched cost no memory, so a buffer may be made as large as it could ever
/// be needed.
///
/// Thread: memory without an owner; whoever hands out views of it says who writes when. Sendable
/// because after `seal()` nobody can write, and before it the users keep to that.
@safe package final class FloatBuffer: @unchecked Sendable {
    /// Floats in it.
    package let count: Int
    /// Lives as long as this object; unmapped in `deinit`.
    private let base: UnsafeMutablePointer<Float>
    private let byteCount: Int

    /// - Returns: `nil` when the system refuses that much address space.
    package init?(count: Int) {
        self.count = count
        let page = 4096
        let wanted = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        guard !wanted.overflow, wanted.partialValue <= Int.max - page else { return nil }
        byteCount = (wanted.partialValue + page - 1) / page * page
        guard
            let mapped = unsafe mmap(
                nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                -1, 0),
            unsafe mapped != MAP_FAILED
        else { return nil }
        // Fewer page-table walks in the large products; a refusal changes speed alone.
        _ = unsafe madvise(mapped, byteCount, MADV_HUGEPAGE)
        unsafe base = mapped.bindMemory(to: Float.self, capacity: count)
    }

    deinit {
        unsafe munmap(base, byteCount)
    }

    /// Makes the pages read-only for good: a write from anywhere then ends the process.
    package func seal() {
        let done = unsafe mprotect(base, byteCount, PROT_READ)
        precondition(done == 0, "mprotect failed on memory of our own")
    }

    /// Reads `rows` × `columns` floats from `offset` on.
    package func matrix(at offset: Int, rows: Int, columns: Int) -> Matrix {
        check(offset, rows, columns)
        return unsafe Matrix(base: base + offset, rows: rows, columns: columns, stride: columns)
    }

    /// Writes too; not for sealed buffers.
    package func mutableMatrix(at offset: Int, rows: Int, columns: Int) -> MutableMatrix {
        check(offset, rows, columns)
        return unsafe MutableMatrix(
            base: base + offset, rows: rows, columns: columns, stride: columns)
    }

    private func check(_ offset: Int, _ rows: Int, _ columns: Int) {
        precondition(offset >= 0 && rows >= 0 && columns >= 0, "negative extent")
        precondition(rows * columns <= count - offset, "beyond the end of the buffer")
    }
}

/// Hands out consecutive parts of one buffer, each on a cache line of its own, and takes all back
/// at once.
///
/// Shapes are planned before the work starts, by the same code in an arena that only measures, so
/// that running out is a fault of the program.
@safe package struct Arena: @unchecked Sendable {
    private let buffer: FloatBuffer?
    /// Floats handed out and not taken back; a mark for `reset`.
    package private(set) var used = 0
    /// The most that was in use at once.
    package private(set) var peak = 0

    /// An arena over the whole buffer, all of it free.
    package init(_ buffer: FloatBuffer) {
        self.buffer = buffer
    }

    private init() {
        buffer = nil
    }

    /// Counts what is taken and hands out views that must not be used.
    package static var measuring: Arena { Arena() }

    /// The room a `rows` × `columns` part takes.
    package static func floats(_ rows: Int, _ columns: Int) -> Int {
        (rows * columns + 15) / 16 * 16
    }

    /// The next part. Its floats hold what they held before. Traps beyond the buffer's end.
    package mutating func take(_ rows: Int, _ columns: Int) -> MutableMatrix {
        defer {
            used += Self.floats(rows, columns)
            peak = max(peak, used)
        }
        guard let buffer else {
            return unsafe MutableMatrix(
                base: Self.nowhere, rows: rows, columns: columns, stride: columns)
        }
        return buffer.mutableMatrix(at: used, rows: rows, columns: columns)
    }

    /// Takes back everything handed out since `used` was `mark`.
    package mutating func reset(to mark: Int) {
        precondition(mark <= used, "not a mark of this arena")
        used = mark
    }

    /// The end of the address space, where nothing is mapped: a use of it faults at once.
    private static var nowhere: UnsafeMutablePointer<Float> {
        guard let pointer = unsafe UnsafeMutablePointer<Float>(bitPattern: Int.min) else {
            preconditionFailure("the pattern is not null")
        }
        return unsafe pointer
    }
}
